/**
 * Hands a new task to a claimer that waits in this process: the transaction that creates the task also claims it. So it
 * is picked up without the waits of a claim of its own. What may be claimed at once is decided by the same protocol;
 * where anything else would have to be looked at, limits or what an operator has set, the claimer is woken, and claims.
 */
import type { TaskState } from '../protocol/index.js'
import type { Reserved } from './arrivals.js'
import { type ClaimedBatch, claimedTask, decideClaim, fromClaims, lockOfClaim, SELECTED } from './claim-batch.js'
import { CLOCK, sendAlong } from './database/sql.js'
import type { EventLog } from './event-log.js'
import { controlLock, nothingSet, shareControl } from './integration-control.js'
import type { TaskArrivals } from './task-arrivals.js'
import { isUnlimited, type TaskRules } from './task-limits.js'
import type { LockedTask, TaskReader } from './task-reader.js'

/** A task as it is created, in its transaction. */
export interface NewTask {
  id: unknown
  taskKey: string
  state: TaskState
}

/** Whether the two locks are held. None is waited for: whoever creates a task must not wait for those who claim. */
const LOCKED = 'asynctask.hand_over'

export interface HandOverParts {
  tasks: TaskReader
  /** As configured. */
  rules: TaskRules
  log: EventLog
  arrivals: TaskArrivals<ClaimedBatch>
  /** Called if a task was claimed, or else waits, after the commit. */
  handed(taskKey: string): void
  arrived(): void
}

/** For one creation, before its transaction; undefined where its task is to be claimed by a transaction of its own. */
export function beginHandOver(parts: HandOverParts): HandOver | undefined {
  const { tasks, rules, log, arrivals } = parts
  const mayBe = arrivals.anyClaims && isUnlimited(rules) && !log.listened
  // The end of an outer transaction would be unknown.
  return mayBe && !tasks.controller.system.storage.isInTransaction() ? new HandOver(parts) : undefined
}

/** The hand-over of one task. */
class HandOver {
  #now: Promise<Array<{ now: number }>> | undefined
  #claimer: Reserved<ClaimedBatch> | undefined
  #claimed: Promise<ClaimedBatch | undefined> | undefined
  /** Whether a task waits if it is not claimed, and whether others do. */
  #waits = { own: false, others: false }

  constructor(private readonly parts: HandOverParts) {}

  /** In the transaction, before the task is created: asks for the database's time. */
  async prepare(): Promise<void> {
    const { controller } = this.parts.tasks
    this.#now = (await sendAlong<{ now: number }>(controller, `SELECT ${CLOCK} AS now`, [])).answer
  }

  /**
   * In the transaction, once the task is created: claims it, unless it is not due, or nobody waits any more.
   *
   * @param others whether others were created with it
   */
  async claim({ id, taskKey, state }: NewTask, { others }: { others: boolean }): Promise<void> {
    const { tasks, rules, log, arrivals } = this.parts
    const [{ now } = { now: 0 }] = (await this.#now) ?? []
    this.#waits = { own: true, others }
    this.#claimed = undefined
    this.#claimer ??= arrivals.reserve()
    if (!this.#claimer) return
    const { claimId } = this.#claimer
    const { events, answer } = decideClaim({ taskKey, state, now }, { policy: rules.policy, claimId }, 0)
    if (!answer.ok) return
    const locks = `${lockOfClaim('$1', 'try')} AND ${shareControl('$2', 'try')}`
    const values = [`claim:${claimId}`, controlLock(tasks)]
    await sendAlong(tasks.controller, `SELECT set_config('${LOCKED}', (${locks})::text, TRUE)`, values)
    // Its snapshot is taken once the locks are held.
    const { steps, after } = await log.sendIf<LockedTask & { requestParams: unknown }>(
      { row: { id: String(id), state }, events, at: now },
      {
        returning: SELECTED,
        condition: (parameter) =>
          `current_setting('${LOCKED}') = 'true' AND ${nothingSet(tasks, parameter)} AND` +
          ` NOT EXISTS (SELECT ${fromClaims(tasks, parameter(claimId))})`,
      },
    )
    this.#claimed = after.then((row) => {
      if (!row) return undefined
      const moved = { ...row, id: String(row.id) }
      const claimed = claimedTask({ ...moved, now }, row.state, answer)
      return { tasks: claimed, claimed: true, suspects: [], isFull: false, moved: [{ row: moved, steps }] }
    })
    // Then the transaction fails, too.
    this.#claimed.catch(() => {})
  }

  /**
   * Runs the transaction; then gives the claimer the task, or wakes it, or another one if none was reserved. If it is
   * not known whether the transaction was committed, the claimer's own claim tells what its claimId has claimed.
   */
  async around<T>(transaction: () => Promise<T>): Promise<T> {
    let committed = false
    try {
      const result = await transaction()
      committed = true
      return result
    } finally {
      await this.#end(committed)
    }
  }

  async #end(committed: boolean): Promise<void> {
    const claimed = committed ? await this.#claimed?.catch(() => undefined) : undefined
    if (claimed) {
      this.#claimer?.give(claimed)
      for (const { row } of claimed.moved) this.parts.handed(row.taskKey)
    } else this.#claimer?.wake()
    const { own, others } = this.#waits
    if (committed && ((own && !this.#claimer) || others)) this.parts.arrived()
  }
}
