/** A real main whose database has the model's clock, and what the model's world may do to a task of it. */
import type { Database } from 'interaqt'
import type { TaskEvent, TaskEventType, TaskRequest, TaskState, TaskStatus } from '@/protocol/index.js'
import { claimAnswerSchema } from '@/protocol/messages.js'
import { claimTasksAnswerSchema } from '@/protocol/wire.js'
import { databaseOf, type PhysicalEntity, physicalEntity } from '@/tasks/database/sql.js'
import { type Answer, startTestMain, type TestMain } from '../support/main.js'
import { plantTask, TEST_API, TEST_TASKS } from '../support/tasks.js'
import { MODEL_PRICES } from './servers.js'

/** A row and its events, oldest first, as the database holds them. */
export interface Stored {
  status: TaskStatus
  attempts: number
  claimableAt: number | null
  uncheckedSince: number | null
  state: TaskState
  result: unknown
  events: Array<{ eventType: TaskEventType; attempt: number; data: TaskEvent }>
}

/** PostgreSQL then finds a function of the test's before its own of the same name. */
const SEARCH_PATH = 'search_path=public,pg_catalog'
const OPERATOR_APIS: Partial<Record<TaskRequest['status'], string>> = {
  cancelled: 'cancelTask',
  retry: 'retryTask',
  letThrough: 'letThrough',
}

export class RealMain {
  readonly #database: Database
  readonly #calls: PhysicalEntity
  readonly #events: PhysicalEntity

  private constructor(readonly main: TestMain) {
    const { controller } = main.component
    this.#database = databaseOf(controller)
    this.#calls = physicalEntity(controller, TEST_TASKS.apiCall)
    this.#events = physicalEntity(controller, TEST_TASKS.integrationEvent)
  }

  /**
   * Main asks its database for the time as ever, and is told the model's.
   *
   * @param databaseUrl default: PGLite
   */
  static async start(databaseUrl?: string): Promise<RealMain> {
    const options = `options=${encodeURIComponent(`-c ${SEARCH_PATH} -c synchronous_commit=off`)}`
    const real = new RealMain(
      await startTestMain({
        money: { prices: MODEL_PRICES },
        ...(databaseUrl && { databaseUrl: `${databaseUrl}?${options}` }),
      }),
    )
    const scheme = (sql: string) => real.#database.scheme(sql)
    // On PGLite there is one connection, and on PostgreSQL every one has been told.
    await scheme(`SET ${SEARCH_PATH}`)
    await scheme('CREATE TABLE model_clock AS SELECT 0::float8 AS now')
    for (const clock of ['clock_timestamp', 'statement_timestamp']) {
      await scheme(
        `CREATE FUNCTION public.${clock}() RETURNS timestamptz LANGUAGE sql
         AS 'SELECT to_timestamp(now) FROM public.model_clock'`,
      )
    }
    for (const { table, backup } of real.#tables()) {
      await scheme(`CREATE TABLE ${backup} AS TABLE ${table} WITH NO DATA`)
    }
    return real
  }

  stop(): Promise<void> {
    return this.main.stop()
  }

  /** The only one: a batch would claim other stories' tasks too. */
  async plantTask(): Promise<string> {
    for (const { table } of this.#tables()) await this.#database.query(`DELETE FROM ${table}`, [])
    return plantTask(this.main.component.controller)
  }

  async claimTasks(claimId: string, limit: number) {
    const { status, body } = await this.main.internalPost(`${TEST_API}/claimTasks`, { claimId, limit })
    if (status !== 200) throw new Error(`claimTasks answered ${status}: ${body.error}`)
    const { tasks, claimed, suspects } = claimTasksAnswerSchema.parse(body)
    return {
      claims: tasks.map((task) => claimAnswerSchema.parse(task)),
      claimed,
      suspects: suspects.map(({ id }) => id),
    }
  }

  async setClock(now: number): Promise<void> {
    await this.#database.query('UPDATE model_clock SET now = $1', [now])
  }

  ask(apiCallId: string, { status, from: _, ...request }: TaskRequest): Promise<Answer> {
    const operatorAPI = OPERATOR_APIS[status]
    return operatorAPI === undefined
      ? this.main.internalPost(`${TEST_API}/reportTestAsyncTaskResult`, { apiCallId, status, ...request })
      : this.main.internalPost(`${TEST_API}/${operatorAPI}`, { apiCallId, ...request })
  }

  async read(id: string): Promise<Stored> {
    const call =
      select(this.#calls, ['status', 'attempts', 'claimableAt', 'uncheckedSince', 'state', 'result']) +
      ` WHERE ${this.#calls.column('id')} = $1`
    const events =
      select(this.#events, ['eventType', 'attempt', 'data']) +
      ` WHERE ${this.#events.column('apiCallId')} = $1 ORDER BY ${this.#events.column('id')}`
    const [row] = await this.#database.query<Omit<Stored, 'events'>>(call, [id])
    if (!row) throw new Error('The task is gone')
    return { ...row, events: await this.#database.query(events, [id]) }
  }

  /** Of this task alone: the other rows are other stories'. */
  async backup(id: string): Promise<void> {
    for (const { table, backup, key } of this.#tables()) await this.#replace(backup, table, key, id)
  }

  async restore(id: string): Promise<void> {
    for (const { table, backup, key } of this.#tables()) await this.#replace(table, backup, key, id)
  }

  async #replace(target: string, source: string, key: string, id: string): Promise<void> {
    await this.#database.query(`DELETE FROM ${target} WHERE ${key} = $1`, [id])
    await this.#database.query(
      `INSERT INTO ${target} OVERRIDING SYSTEM VALUE SELECT * FROM ${source} WHERE ${key} = $1`,
      [id],
    )
  }

  #tables(): Array<{ table: string; backup: string; key: string }> {
    return [
      { table: this.#calls.table, backup: 'backup_of_calls', key: this.#calls.column('id') },
      { table: this.#events.table, backup: 'backup_of_events', key: this.#events.column('apiCallId') },
    ]
  }
}

function select({ table, column }: PhysicalEntity, properties: string[]): string {
  return `SELECT ${properties.map((name) => `${column(name)} AS "${name}"`).join(', ')} FROM ${table}`
}
