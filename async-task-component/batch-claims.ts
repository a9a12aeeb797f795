/**
 * Claims tasks in batches, and loses none: until an answer tells what a claimId has claimed, the same one is sent again.
 * A main of an earlier version does not offer it.
 */
import { randomUUID } from 'node:crypto'
import type { ClaimTasksAnswer } from '../protocol/wire.js'
import { describeError } from './errors.js'
import type { Logger } from './logger.js'
import type { FetchQuery, MainClient } from './main-client.js'
import type { TaskReports } from './task-reports.js'

export interface BatchClaimsOptions {
  main: Pick<MainClient, 'claimTasks'>
  url: string
  reports: Pick<TaskReports, 'report'>
  /** Aborted when work in flight must end as well. */
  expired: AbortSignal
  logger: Logger
}

/** After this the main that did not offer it is asked again: it may have been upgraded. */
const ASK_AGAIN_MS = 60_000

export class BatchClaims {
  #claimId = randomUUID()
  /** A request was sent, and it is not known what it claimed. */
  #unanswered = false
  #notOfferedUntil = 0

  constructor(private readonly options: BatchClaimsOptions) {}

  /**
   * @returns null if main does not offer it
   * @throws what `MainClient.claimTasks` throws; then call it again, or `giveBack`
   */
  async claim(query: FetchQuery, signal: AbortSignal): Promise<ClaimTasksAnswer | null> {
    if (performance.now() < this.#notOfferedUntil) return null
    this.#unanswered = true
    const { main, url } = this.options
    const answer = await main.claimTasks(url, { claimId: this.#claimId, ...query }, signal)
    this.#unanswered = false
    if (answer === null) this.#notOfferedUntil = performance.now() + ASK_AGAIN_MS
    if (answer?.claimed) this.#claimId = randomUUID()
    return answer
  }

  /** Releases what a request without an answer may have claimed: nothing may be started now. */
  async giveBack(): Promise<void> {
    if (!this.#unanswered) return
    const { expired, reports, logger } = this.options
    try {
      const answer = await this.claim({ limit: 0, waitSeconds: 0 }, expired)
      const released = answer?.tasks.map(({ id: apiCallId, taskKey, attempt, fencingToken }) =>
        reports.report(
          { apiCallId, taskKey, attempt, fencingToken, status: 'released' },
          logger.child({ apiCallId, taskKey }),
        ),
      )
      await Promise.all(released ?? [])
    } catch (error) {
      logger.warn(`it is not known what was claimed, asking again later: ${describeError(error)}`)
    }
  }
}
