/** The operators' APIs of a main, as the commands ask them. */
import { Connection } from '../../client/connection.js'
import { TaskClientError } from '../../client/errors.js'
import type {
  Daemon,
  IntegrationState,
  ManyAnswer,
  Stats,
  Task,
  TaskList,
} from '../../main-component/console/page/answers.js'
import { type Query, queryOf } from '../../main-component/console/page/query.js'
import type { Filter } from './filters.js'

/** While its database is away, main waits for it, and the command for main. */
const LATE_AFTER_MS = 1000

export class OperatorsAPIs {
  readonly #connection: Connection

  constructor(
    baseUrl: string,
    token: string,
    retryForMs: number,
    private readonly signal: AbortSignal,
    /** Told once an answer is late. */
    private readonly tell: (text: string) => void,
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

  async daemons(): Promise<Daemon[]> {
    return (await this.#get<{ daemons: Daemon[] }>('operator/daemons', 'daemons')).daemons
  }

  stats(integration: string | undefined): Promise<Stats> {
    return this.#get(`operator/stats${queryOf({ integration })}`, 'integrations')
  }

  /** One batch. It is not broken off: its answer tells what was done. */
  async many(act: 'retryMany' | 'cancelMany', body: { filter: Filter } & Record<string, unknown>): Promise<ManyAnswer> {
    return checked<ManyAnswer>(await this.#ask('POST', `api/operator/${act}`, { body }), 'done')
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
    return this.#ask('POST', path, { body, signal: this.signal })
  }

  async #get<Answer>(path: string, field: keyof Answer & string): Promise<Answer> {
    return checked<Answer>(await this.#ask('GET', `api/${path}`, { signal: this.signal }), field)
  }

  async #ask(...asked: Parameters<Connection['ask']>): Promise<Record<string, unknown>> {
    const late = setTimeout(() => this.tell('Main has not answered yet, waiting …'), LATE_AFTER_MS)
    try {
      return await this.#connection.ask(...asked)
    } finally {
      clearTimeout(late)
    }
  }
}

/** @throws TaskClientError if this is not main's answer */
function checked<Answer>(answer: Record<string, unknown>, field: keyof Answer & string): Answer {
  if (field in answer) return answer as Answer
  throw new TaskClientError('UNREADABLE', `The answer has no ${field}: is MAIN_URL right?`, false)
}
