/** Writes an integration's tasks. The protocol decides; the store carries out. */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Controller } from 'interaqt'
import type { DaemonIdentity } from '../protocol/daemon-identity.js'
import { claimableAt, isLive, type TaskRequest } from '../protocol/index.js'
import { budgetsInForce } from './budgets.js'
import { type BatchToClaim, type ClaimedBatch, claimBatch, hasClaimed, isAnyDue } from './claim-batch.js'
import { daemonsOf } from './daemons.js'
import { afterCommit } from './database/after-commit.js'
import { takeIdAhead } from './database/ids.js'
import { inTransaction, noticesOf } from './database/sql.js'
import type { CallEntityNames } from './entities.js'
import { EventLog } from './event-log.js'
import { beginHandOver, type HandOverParts } from './hand-over.js'
import { IdempotencyKeys, type KeyedRequest, type MakeOnce } from './idempotency.js'
import { readControl, rulesInForce } from './integration-control.js'
import { listenersOf } from './listeners.js'
import { noteSpend } from './spend.js'
import { type NextDue, TaskArrivals } from './task-arrivals.js'
import { TaskChanges } from './task-changes.js'
import { ensureMayOpenTask, type TaskRules } from './task-limits.js'
import { type LockedTask, TaskReader } from './task-reader.js'
import { type CarriedOut, type RecordCarriedOut, type StoredDecision, TaskRequests } from './task-requests.js'
import { TaskWatches } from './task-watches.js'
import { WebhookQueue } from './webhooks.js'

/** The business record that requests a task, and its user. */
export interface TaskSourceRecord {
  entity: string
  record: Record<string, unknown>
  /** Null for nobody in particular. */
  userId: string | null
}

export type CreatedTask = Pick<LockedTask, 'id' | 'taskKey' | 'traceparent'>

type CreatedRecord = CreatedTask & Pick<LockedTask, 'state'> & { source: { id: unknown } }

/** Later ones are found by the looks of whoever waits. */
const SOON_SECONDS = 60
/** The tasks of one integration, made once the Controller is set up. */
export class TaskStore extends TaskReader {
  /** Notifies of tasks to claim. */
  readonly arrivals: TaskArrivals<ClaimedBatch>
  /** Notifies those who wait for a task to change. */
  readonly watches = new TaskWatches((taskKeys) => this.timelineLengths(taskKeys))
  /** Notifies those who watch all tasks. */
  readonly changes = new TaskChanges()
  /** The messages about ended tasks. */
  readonly webhooks: WebhookQueue
  readonly #keys: IdempotencyKeys
  readonly #log: EventLog
  readonly #requests: TaskRequests
  readonly #handOverParts: HandOverParts
  /** Collects the tasks that interaqt derives while it creates a record. */
  readonly #creating = new AsyncLocalStorage<CreatedRecord[]>()
  /** What of the application follows the tasks' changes: then events are written through interaqt's storage. */
  readonly listeners: readonly string[]

  constructor(
    controller: Controller,
    names: CallEntityNames,
    /** As configured. */
    readonly rules: TaskRules,
    /** Called for each task that `create` has created. */
    private readonly onCreated: (task: CreatedTask) => void = () => {},
  ) {
    super(controller, names)
    const notices = noticesOf(controller)
    this.arrivals = new TaskArrivals(names.apiCall, notices, () => this.#nextDue())
    notices.on(names.apiCall, (taskKey) => {
      if (taskKey !== undefined) this.watches.moved(taskKey)
      this.changes.tell(taskKey)
    })
    // Whoever creates a task: an interaction of the application, too.
    controller.system.storage.listen(async (events) => {
      const tasks = events.filter(({ recordName, type }) => recordName === names.apiCall && type === 'create')
      if (tasks.length === 0) return
      const created = this.#creating.getStore()
      if (created) created.push(...tasks.map(({ record }) => record as unknown as CreatedRecord))
      else afterCommit(() => this.#arrived())
    })
    this.#keys = new IdempotencyKeys(controller)
    this.listeners = listenersOf(controller, names)
    this.#log = new EventLog(this, this.listeners.length > 0)
    this.#handOverParts = {
      tasks: this,
      rules,
      log: this.#log,
      arrivals: this.arrivals,
      handed: (taskKey) => this.#moved(taskKey),
      arrived: () => this.#arrived(),
    }
    this.webhooks = new WebhookQueue(this, (taskKey) => this.#moved(taskKey))
    this.#requests = new TaskRequests(this, rules, this.#log, this.webhooks, (done) => this.#tell(done))
  }

  /**
   * Decides a request about one task and carries the decision out, in one transaction.
   *
   * @param record what is to be recorded of it in the same transaction
   * @returns undefined if the task does not exist
   * @throws what the database throws; then nothing has been stored
   */
  carryOut(apiCallId: string, request: TaskRequest, record?: RecordCarriedOut): Promise<CarriedOut | undefined> {
    return this.#requests.carryOut(apiCallId, request, record)
  }

  /** What others claim from now on becomes due at the end of its lease, of which nobody tells. */
  async #nextDue(): Promise<NextDue> {
    const { due, seconds } = await isAnyDue(this, await this.limitsNow())
    const { stuckTimeoutSeconds } = this.rules.policy
    return { due, seconds: Math.min(seconds ?? stuckTimeoutSeconds, stuckTimeoutSeconds) }
  }

  /** Those who wait for what it has changed. */
  #tell({ task, state, steps, tells, at }: StoredDecision): void {
    const seconds = (claimableAt(state) ?? Number.POSITIVE_INFINITY) - at
    const freesPlace = isLive(task.state) && !isLive(state)
    if (seconds <= 0 || freesPlace) this.arrivals.wake()
    else if (seconds <= SOON_SECONDS && steps.length > 0) this.arrivals.expect()
    if (tells) this.webhooks.due.wake()
    if (steps.length > 0) this.#moved(task.taskKey)
  }

  /**
   * Claims a batch in one transaction. If the claimer has gone by its end, nothing is claimed.
   *
   * @throws what the database throws; then nothing has been claimed, or the same claimId tells what was
   */
  claim(batch: BatchToClaim, signal: AbortSignal): Promise<ClaimedBatch> {
    return this.arrivals.take(() => this.#claim(batch, signal))
  }

  /** Whether tasks have been claimed under this id. */
  hasClaimed(claimId: string): Promise<boolean> {
    return inTransaction(this.controller, `${this.names.apiCall}:hasClaimed`, () => hasClaimed(this, claimId))
  }

  async #claim(batch: BatchToClaim, signal: AbortSignal): Promise<ClaimedBatch> {
    signal.throwIfAborted()
    const claimed = await inTransaction(this.controller, `${this.names.apiCall}:claim`, async () => {
      const result = await claimBatch(this, this.rules, this.#log, batch)
      await noteSpend(this, result.moved)
      let tells = false
      for (const { row, steps } of result.moved) {
        tells = (await this.webhooks.noteEnd(row, steps)) || tells
      }
      signal.throwIfAborted()
      return { ...result, tells }
    })
    // There may be more, for another.
    if (claimed.isFull) this.arrivals.wake()
    if (claimed.tells) this.webhooks.due.wake()
    for (const { row } of claimed.moved) this.#moved(row.taskKey)
    return claimed
  }

  /** The rules at this moment: as configured, and as operators have set since. */
  rulesNow(): Promise<TaskRules> {
    return this.read('control', () => this.#rulesInForce())
  }

  /** The same, and what budgets leave: for those who look for tasks to claim. */
  limitsNow(): Promise<TaskRules> {
    const { rules } = this
    return this.read('control', async () => ({
      ...(await this.#rulesInForce()),
      budgets: await budgetsInForce(this, rules, rules.policy.prices),
    }))
  }

  async #rulesInForce(): Promise<TaskRules> {
    return rulesInForce(this.rules, await readControl(this))
  }

  /**
   * Creates the business record that requests a task, in one transaction with the task that interaqt derives from it.
   *
   * @param keyed if the request has an idempotency key: it creates one task, however often it is sent
   * @returns the task's key
   * @throws APIError 429 if the user has too many open tasks; with a key, what `makeOnce` throws
   */
  create(source: TaskSourceRecord, keyed?: Omit<KeyedRequest, 'userId'>): Promise<string> {
    const create = async (once: MakeOnce) => {
      const taskKey = await this.#createOf(source, once)
      this.changes.tell(taskKey)
      return taskKey
    }
    return keyed ? this.#keys.makeOnce({ ...keyed, userId: source.userId }, create) : create((make) => make())
  }

  async #createOf({ entity, record, userId }: TaskSourceRecord, once: MakeOnce): Promise<string> {
    const { maxOpenTasksPerUser } = this.rules
    const handOver = beginHandOver(this.#handOverParts)
    const make = async (withId: <T>(create: () => T) => T) => {
      if (maxOpenTasksPerUser !== undefined) await ensureMayOpenTask(this, userId, maxOpenTasksPerUser)
      const { storage } = this.controller.system
      const created: CreatedRecord[] = []
      const { id } = await withId(() => this.#creating.run(created, () => storage.create(entity, record)))
      const task = created.find(({ source }) => source.id === id)
      if (!task) throw new Error(`No ${this.names.apiCall} was computed from ${entity} ${id}`)
      afterCommit(() => {
        this.onCreated({ ...task, id: String(task.id) })
        if (!handOver) this.#arrived()
      })
      await handOver?.claim(task, { others: created.length > 1 })
      return task.taskKey
    }
    const transaction = () =>
      inTransaction(this.controller, `${entity}:create`, async () => {
        // These go with the first statement, so that the transaction waits once for all of them.
        await handOver?.prepare()
        const withId = await takeIdAhead(this.controller, entity)
        return once(() => make(withId))
      })
    return handOver ? handOver.around(transaction) : transaction()
  }

  #arrived(): void {
    this.arrivals.wake()
    this.changes.tell()
  }

  /** Notes that a daemon asks. @returns what ends it, once it is answered */
  asks(daemon: DaemonIdentity | undefined, { forTasks }: { forTasks: boolean }): () => void {
    return daemonsOf(this.controller).asks(this.names.apiCall, daemon, forTasks)
  }

  /** Call it after a change that concerns no single task. */
  changed(): void {
    this.arrivals.wake()
    this.changes.tell()
    noticesOf(this.controller).tell(this.names.apiCall)
  }

  #moved(taskKey: string): void {
    this.watches.moved(taskKey)
    this.changes.tell(taskKey)
    noticesOf(this.controller).tell(this.names.apiCall, taskKey)
  }
}
