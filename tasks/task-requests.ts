/** Requests about tasks that exist: the protocol decides each, and what it decides is stored. */
import { randomBytes } from 'node:crypto'
import { type Decision, decide, isLive, type NoPlace, type TaskRequest, type TaskState } from '../protocol/index.js'
import { CommitUnknownError, isDatabaseUnavailable } from './database/faults.js'
import { CLOCK, inTransaction } from './database/sql.js'
import { OverloadedError } from './database/turns.js'
import type { EventLog } from './event-log.js'
import { controlLock, readControl, rulesInForce, shareControl } from './integration-control.js'
import { noteSpend } from './spend.js'
import { freePlaces, type TaskRules, withinBudgets } from './task-limits.js'
import { type LockedTask, STORED_FIELDS, type TaskReader } from './task-reader.js'
import { Together } from './together.js'
import type { StoredStep } from './transition-log.js'
import type { WebhookQueue } from './webhooks.js'

/** A decision that has been carried out, and the resulting row. */
export interface CarriedOut {
  answer: Decision['answer']
  state: TaskState
  task: LockedTask
  /** The appended or noted events, in order. */
  steps: StoredStep[]
}

export type RecordCarriedOut = (done: Omit<CarriedOut, 'steps'>) => Promise<void>

/** What those are told of who wait for changes. */
export interface StoredDecision extends CarriedOut {
  /** Whether a webhook is due. */
  tells: boolean
  /** The database's time, in unix seconds. */
  at: number
}

interface Report {
  apiCallId: string
  request: TaskRequest
}

/** A locked row, and the database's time then. */
type TimedTask = LockedTask & { now: number }

/** Each may have a result of a megabyte. */
const MOST_REPORTS = 32

export class TaskRequests {
  readonly #reports = new Together((asked: Report[]) => this.#together(asked), MOST_REPORTS)

  /** @param tell called with each decision once it is committed */
  constructor(
    private readonly tasks: TaskReader,
    private readonly rules: TaskRules,
    private readonly log: EventLog,
    private readonly webhooks: WebhookQueue,
    private readonly tell: (stored: StoredDecision) => void,
  ) {}

  /**
   * Decides a request about one task and carries the decision out, in one transaction: lock the row, decide, append the
   * events, or note a check on the row. A refusal is stored too, as some carry an event. Reports that come at the same
   * time share a transaction.
   *
   * @param record what is to be recorded of it in the same transaction
   * @returns undefined if the task does not exist
   * @throws what the database throws; then nothing has been stored
   */
  async carryOut(apiCallId: string, request: TaskRequest, record?: RecordCarriedOut): Promise<CarriedOut | undefined> {
    const isReport = request.from !== 'operator' && request.status !== 'queued' && record === undefined
    const shares = isReport && !this.tasks.controller.system.storage.isInTransaction()
    const done = shares ? await this.#reports.do({ apiCallId, request }) : null
    return done ?? this.#alone(apiCallId, request, record)
  }

  async #alone(apiCallId: string, request: TaskRequest, record?: RecordCarriedOut) {
    const done = await inTransaction(
      this.tasks.controller,
      `${this.tasks.names.apiCall}:${request.status}`,
      async () => {
        const [row] = await this.#lock([apiCallId])
        if (!row) return undefined
        const joins = request.status === 'queued' && !isLive(row.state)
        const noPlace = joins ? await this.#whyNoPlace(row) : undefined
        const [done] = await this.#decideAll([{ row, request, noPlace }])
        if (done) await record?.(done)
        return done
      },
    )
    if (done) this.tell(done)
    return done
  }

  /**
   * In one transaction. Gives null for what is left to be done alone: the row is locked, or does not exist; or there is
   * another request about it, or one of the requests cannot be stored, which then fails alone.
   */
  async #together(asked: Report[]): Promise<Array<CarriedOut | null>> {
    const { parseId } = this.tasks.calls
    const requests = new Map(asked.map(({ apiCallId, request }) => [String(parseId(apiCallId)), request]))
    try {
      const done = await inTransaction(this.tasks.controller, `${this.tasks.names.apiCall}:reports`, async () => {
        const rows = await this.#lock([...requests.keys()], 'SKIP LOCKED')
        return this.#decideAll(rows.map((row) => ({ row, request: requests.get(row.id) as TaskRequest })))
      })
      for (const each of done) this.tell(each)
      const byRequest = new Map(done.map((each) => [requests.get(each.task.id), each]))
      return asked.map(({ request }) => byRequest.get(request) ?? null)
    } catch (error) {
      const concernsAll = error instanceof CommitUnknownError || error instanceof OverloadedError
      if (asked.length === 1 || concernsAll || isDatabaseUnavailable(error)) throw error
      return asked.map(() => null)
    }
  }

  /** In the transaction that has locked the rows. */
  async #decideAll(asked: Array<{ row: TimedTask; request: TaskRequest; noPlace?: NoPlace | undefined }>) {
    const { policy } = this.rules
    const decided = asked.map(({ row, request, noPlace }) => {
      const chance = { newToken: randomBytes(16).toString('base64url'), random: Math.random() }
      const { taskKey, now } = row
      return { row, ...decide(row.state, request, { ...chance, policy, taskKey, now, noPlace }), at: now }
    })
    const appended = await this.log.append(decided)
    await noteSpend(
      this.tasks,
      decided.map(({ row }, index) => ({ row, steps: appended[index] ?? [] })),
    )
    const done: StoredDecision[] = []
    for (const [index, { row, answer, at }] of decided.entries()) {
      const steps = appended[index] ?? []
      const state = steps.at(-1)?.after ?? row.state
      done.push({ answer, state, task: row, steps, tells: await this.webhooks.noteEnd(row, steps), at })
    }
    return done
  }

  /** In the transaction of the claim. */
  async #whyNoPlace(row: LockedTask): Promise<NoPlace | undefined> {
    await this.tasks.query(`SELECT ${shareControl('$1', 'wait')}`, [controlLock(this.tasks)])
    const rules = rulesInForce(this.rules, await readControl(this.tasks))
    const places = await freePlaces(this.tasks, rules)
    const [within] = await withinBudgets(this.tasks, rules, [row])
    return places.whyNone(row.userId, within)
  }

  /** The time is that of the lock, for which this may have waited. */
  async #lock(apiCallIds: string[], how: '' | 'SKIP LOCKED' = ''): Promise<TimedTask[]> {
    const { table, column, parseId } = this.tasks.calls
    const ids = apiCallIds.map(parseId).filter((id) => id !== null)
    if (ids.length === 0) return []
    const fields = this.tasks.columns([...STORED_FIELDS, 'userId', 'webhook', 'traceparent'])
    const locked = `SELECT ${fields} FROM ${table} WHERE ${column('id')} = ANY($1) FOR UPDATE ${how}`
    const sql = `WITH locked AS MATERIALIZED (${locked}) SELECT *, ${CLOCK} AS now FROM locked`
    const rows = await this.tasks.query<TimedTask>(sql, [ids])
    return rows.map((row) => ({ ...row, id: String(row.id) }))
  }
}
