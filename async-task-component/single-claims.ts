/**
 * Claims with a request for each task: of what a main of an earlier version lists, and of suspects, which are claimed
 * alone.
 */
import type { PullModeOptions } from '../config/pull-mode.js'
import { followingSignal, pause } from '../lib/abort.js'
import { MAX_LISTED } from '../protocol/limits.js'
import type { ClaimAnswer } from '../protocol/messages.js'
import type { PendingTask } from '../protocol/wire.js'
import type { Logger } from './logger.js'
import type { FetchQuery } from './main-client.js'
import type { Suspects } from './suspects.js'
import type { TaskReports } from './task-reports.js'

export interface SingleClaimsOptions {
  fetchTasks(query: FetchQuery, signal: AbortSignal): Promise<PendingTask[]>
  reports: Pick<TaskReports, 'claim'>
  limits: Pick<PullModeOptions, 'batchSize' | 'waitSeconds'>
  stopping: AbortSignal
  logger: Logger
}

/** How long a round waits for its claims before the next one begins. */
const CLAIM_PATIENCE_MS = 1000

export class SingleClaims {
  /** How many of what is under way is not claimed yet. */
  #claiming = 0

  /**
   * @param underWay claims and starts in flight, by task
   * @param start starts a claimed task
   */
  constructor(
    private readonly options: SingleClaimsOptions,
    private readonly underWay: Map<string, Promise<unknown>>,
    private readonly suspects: Suspects,
    private readonly start: (task: PendingTask, claim: ClaimAnswer) => Promise<unknown>,
  ) {}

  /** Lists tasks to claim, and tells whether there may be more. */
  async fetch(freeSlots: number): Promise<{ tasks: PendingTask[]; isFull: boolean }> {
    const { stopping, limits, fetchTasks } = this.options
    const { batchSize, waitSeconds } = limits
    const free = Math.min(batchSize, freeSlots)
    // Tasks still being claimed, and suspects, are listed again, before all others.
    const limit = Math.min(MAX_LISTED, free + this.#claiming + this.suspects.size)
    const fetched = await fetchTasks({ limit, waitSeconds }, stopping)
    const tasks = fetched.filter(({ id }) => !this.underWay.has(id) && !this.suspects.has(id)).slice(0, free)
    return { tasks, isFull: fetched.length >= limit }
  }

  /** How many succeeded; the loop does not wait for a claim that main keeps failing. */
  async claimAll(tasks: PendingTask[]): Promise<number> {
    const { controller, release } = followingSignal(this.options.stopping)
    let count = 0
    const claims = tasks.map((task) => this.claim(task, { alone: false }).claimed)
    const all = Promise.all(claims.map((claim) => claim.then((isTrue) => (count += Number(isTrue)))))
    await Promise.race([all, pause(CLAIM_PATIENCE_MS, controller.signal)])
    controller.abort()
    release()
    return count
  }

  /** Claims a task and goes on to start it; the loop waits for the claim, not for the start. */
  claim(task: PendingTask, how: { alone: boolean }): { claimed: Promise<boolean>; done: Promise<unknown> } {
    const { reports } = this.options
    const logger = this.options.logger.child({ apiCallId: task.id, taskKey: task.taskKey })
    this.#claiming += 1
    const claim = reports.claim(task, how, logger).finally(() => {
      this.#claiming -= 1
    })
    const claimed = claim.then(({ kind }) => kind === 'claimed')
    const done = claim
      .then(async (result) => {
        if (result.kind === 'alone-only') this.suspects.add(task)
        return result.kind === 'claimed' ? this.start(task, result.claim) : null
      })
      .finally(() => this.underWay.delete(task.id))
    this.underWay.set(task.id, done)
    return { claimed, done }
  }
}
