/** The operators' APIs of a main, as the commands ask them. */
import { Connection } from '../../client/connection.js'
import { TaskClientError } from '../../client/errors.js'
import type { IntegrationState, ManyAnswer, Stats, Task, TaskList } from '../../main-component/console/page/answers.js'
import { type Query, queryOf } from '../../main-component/console/page/query.js'
import type { Filter } from './filters.js'

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

  list(query: Query): Promise<TaskList> {
    return this.#get(`operator/tasks${queryOf(query)}`, 'tasks')
  }

  /** @param timelineAfter how many entries of its timeline to skip */
  task(taskId: string, timelineAfter = 0): Promise<Task> {
    return this.#get(`operator/tasks/${encodeURIComponent(taskId)}${queryOf({ timelineAfter })}`, 'timeline')
  }

  stats(integration: string | undefined): Promise<Stats> {
    return this.#get(`operator/stats${queryOf({ integration })}`, 'integrations')
  }

  /** One batch. It is not broken off: its answer tells what was done. */
  async many(act: 'retryMany' | 'cancelMany', body: { filter: Filter } & Record<string, unknown>): Promise<ManyAnswer> {
    const answer = await this.#connection.ask('POST', `api/operator/${act}`, { body })
    return checked<ManyAnswer>(answer, 'done')
  }

  /** @throws RefusedError 409 if the task's status does not allow it */
  async one(integration: string, act: 'retryTask' | 'cancelTask' | 'letThrough', body: object): Promise<void> {
    await this.#post(integration, act, body)
  }

  /** Gives the integration's state since. */
  async control(integration: string, act: 'pause' | 'resume' | 'setLimits', body: object): Promise<IntegrationState> {
    return checked<IntegrationState>(await this.#post(integration, act, body), 'inFlight')
  }

  state(integration: string): Promise<IntegrationState> {
    return this.#get(`${encodeURIComponent(integration)}/integrationState`, 'inFlight')
  }

  #post(integration: string, act: string, body: object): Promise<Record<string, unknown>> {
    const path = `api/${encodeURIComponent(integration)}/${act}`
    return this.#connection.ask('POST', path, { body, signal: this.signal })
  }

  async #get<Answer>(path: string, field: keyof Answer & string): Promise<Answer> {
    return checked<Answer>(await this.#connection.ask('GET', `api/${path}`, { signal: this.signal }), field)
  }
}

/** @throws TaskClientError if this is not main's answer */
function checked<Answer>(answer: Record<string, unknown>, field: keyof Answer & string): Answer {
  if (field in answer) return answer as Answer
  throw new TaskClientError('UNREADABLE', `The answer has no ${field}: is MAIN_URL right?`, false)
}
