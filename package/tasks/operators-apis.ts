/** The operators' APIs of a main, as the commands ask them. */
import type { z } from 'zod'
import { Connection } from '../../client/connection.js'
import { TaskClientError } from '../../client/errors.js'
import type { integrationStateSchema } from '../../tasks/apis/control-integration.js'
import type { taskListSchema } from '../../tasks/operators/list.js'
import type { manyAnswerSchema } from '../../tasks/operators/many.js'
import type { statsSchema } from '../../tasks/operators/stats.js'
import type { operatedTaskSchema } from '../../tasks/operators/task.js'
import { type Filter, queryOf } from './filters.js'

export type TaskList = z.infer<typeof taskListSchema>
export type OperatedTask = z.infer<typeof operatedTaskSchema>
export type Stats = z.infer<typeof statsSchema>
export type IntegrationState = z.infer<typeof integrationStateSchema>
export type ManyAnswer = z.infer<typeof manyAnswerSchema>

export class OperatorsAPIs {
  readonly #connection: Connection

  constructor(
    baseUrl: string,
    token: string,
    retryForMs: number,
    private readonly signal: AbortSignal,
  ) {
    this.#connection = new Connection({ baseUrl, token, retryForMs })
  }

  async list(query: Parameters<typeof queryOf>[0]): Promise<TaskList> {
    return this.#get<TaskList>(`tasks${queryOf(query)}`, 'tasks')
  }

  /** @param timelineAfter how many entries of its timeline to skip */
  async task(taskId: string, timelineAfter = 0): Promise<OperatedTask> {
    return this.#get<OperatedTask>(`tasks/${encodeURIComponent(taskId)}${queryOf({ timelineAfter })}`, 'timeline')
  }

  async stats(integration: string | undefined): Promise<Stats> {
    return this.#get<Stats>(`stats${queryOf({ integration })}`, 'integrations')
  }

  /** One batch. It is not broken off: its answer tells what was done. */
  async many(act: 'retryMany' | 'cancelMany', body: { filter: Filter } & Record<string, unknown>): Promise<ManyAnswer> {
    const answer = await this.#connection.ask('POST', `api/operator/${act}`, { body })
    return checked<ManyAnswer>(answer, 'done')
  }

  /** @throws RefusedError 409 if the task's status does not allow it */
  async one(integration: string, act: 'retryTask' | 'cancelTask' | 'letThrough', body: object): Promise<void> {
    await this.#connection.ask('POST', `api/${encodeURIComponent(integration)}/${act}`, { body, signal: this.signal })
  }

  /** Gives the integration's state since. */
  async control(integration: string, act: 'pause' | 'resume' | 'setLimits', body: object): Promise<IntegrationState> {
    const path = `api/${encodeURIComponent(integration)}/${act}`
    return checked<IntegrationState>(
      await this.#connection.ask('POST', path, { body, signal: this.signal }),
      'inFlight',
    )
  }

  async state(integration: string): Promise<IntegrationState> {
    const path = `api/${encodeURIComponent(integration)}/integrationState`
    return checked<IntegrationState>(await this.#connection.ask('GET', path, { signal: this.signal }), 'inFlight')
  }

  async #get<Answer>(path: string, field: keyof Answer & string): Promise<Answer> {
    return checked<Answer>(await this.#connection.ask('GET', `api/operator/${path}`, { signal: this.signal }), field)
  }
}

/** @throws TaskClientError if this is not main's answer */
function checked<Answer>(answer: Record<string, unknown>, field: keyof Answer & string): Answer {
  if (field in answer) return answer as Answer
  throw new TaskClientError('UNREADABLE', `The answer has no ${field}: is MAIN_URL right?`, false)
}
