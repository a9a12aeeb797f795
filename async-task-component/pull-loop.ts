/**
 * The loop of one integration: wait, check the gates, fetch, claim, start; and again. It is longer than other files as it
 * knows two ways to claim: in batches, and one by one where main is of an earlier version.
 */
import assert from 'node:assert/strict'
import type { PullModeOptions } from '../config/pull-mode.js'
import { followingSignal, pause } from '../lib/abort.js'
import { MAX_LISTED } from '../protocol/limits.js'
import type { ClaimAnswer } from '../protocol/messages.js'
import type { ClaimedTask, PendingTask } from '../protocol/wire.js'
import type { AdaptiveInterval, RoundOutcome } from './adaptive-interval.js'
import type { BatchClaims } from './batch-claims.js'
import { describeError, MainUnauthorizedError, MainUnavailableError } from './errors.js'
import type { ClosedGate, Gate } from './gates.js'
import type { Logger } from './logger.js'
import type { FetchQuery } from './main-client.js'
import { OpenGates } from './open-gates.js'
import { patiently } from './patiently.js'
import { Suspects } from './suspects.js'
import type { TaskReports } from './task-reports.js'
import type { TaskStarter } from './task-starter.js'
import type { TaskResult } from './types.js'

/**
 * - `idle`: not started
 * - `checking`: asks the gates whether anything may be claimed
 * - `fetching`: asks main for tasks (long poll)
 * - `claiming`: claims them and goes on to start them, until half of the slots are free
 * - `waiting`: pauses before the next round
 * - `stopping`: waits for the claims and starts in flight
 * - `stopped`: all of it is over
 */
export type PullLoopState = 'idle' | 'checking' | 'fetching' | 'claiming' | 'waiting' | 'stopping' | 'stopped'

/** The allowed transitions, and their causes. A loop that violates them is broken, and dies. */
export const PULL_LOOP_MOVES: Readonly<Record<PullLoopState, readonly PullLoopState[]>> = {
  // It is started; or was stopped before that.
  idle: ['checking', 'stopping'],
  // All gates are open; or one is closed.
  checking: ['fetching', 'waiting'],
  // There are tasks; or none, or main did not answer, or a gate closed meanwhile; or main's long poll found none.
  fetching: ['claiming', 'waiting', 'checking', 'stopping'],
  // There may be more tasks, to be fetched at once; or there are none, or none could be claimed.
  claiming: ['checking', 'waiting', 'stopping'],
  // The pause is over, or a stop ended it.
  waiting: ['checking', 'stopping'],
  // Nothing is in flight any more.
  stopping: ['stopped'],
  stopped: [],
}

export interface PullLoopOptions {
  /** Fetches and claims in one request. Without it, or if main does not offer it, tasks are fetched and claimed. */
  claims?: Pick<BatchClaims, 'claim' | 'giveBack'>
  fetchTasks(query: FetchQuery, signal: AbortSignal): Promise<PendingTask[]>
  reports: Pick<TaskReports, 'claim'>
  starter: Pick<TaskStarter, 'run'>
  /** Asked in this order before every fetch; a closed gate ends the round. */
  gates: Gate[]
  /** Most tasks fetched at once, and in flight at once; how long main may park a fetch that finds nothing. */
  limits: Pick<PullModeOptions, 'batchSize' | 'startConcurrency' | 'waitSeconds'>
  interval: Pick<AdaptiveInterval, 'after'>
  /** Aborted when nothing new may be begun. */
  stopping: AbortSignal
  /** Called on each sign of progress. */
  alive(): void
  logger: Logger
}

/** How long a round waits for its claims before the next one begins. */
const CLAIM_PATIENCE_MS = 1000

export class PullLoop {
  readonly #options: PullLoopOptions
  #state: PullLoopState = 'idle'
  #running: Promise<void> | null = null
  /** Claims and starts in flight, by task. */
  readonly #underWay = new Map<string, Promise<unknown>>()
  /** How many of those are not claimed yet. */
  #claiming = 0
  #lastRound: RoundOutcome | null = null
  readonly #suspects = new Suspects()
  readonly #gates: OpenGates

  constructor(options: PullLoopOptions) {
    this.#options = options
    this.#gates = new OpenGates(options)
  }

  get state(): PullLoopState {
    return this.#state
  }

  /** Why it is not claiming at present. */
  get closedBy(): ClosedGate['reason'] | null {
    return this.#gates.closedBy
  }

  /** How its last round ended; null before that. */
  get lastRound(): RoundOutcome | null {
    return this.#lastRound
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** Resolves once the loop and everything it began is over; the `stopping` signal ends it. */
  async stopped(): Promise<void> {
    await this.#running
  }

  async #run(): Promise<void> {
    const { stopping, interval, logger } = this.#options
    while (!stopping.aborted) {
      const outcome = await this.#round().catch((error: unknown) => this.#troubled(error))
      this.#lastRound = outcome
      await this.#freeSlots()
      const ms = interval.after(outcome)
      if (ms > 0) {
        this.#enter('waiting')
        await this.#patiently(pause(ms, stopping))
      }
    }
    this.#enter('stopping')
    await Promise.all([this.#drained(), this.#giveBack()])
    this.#enter('stopped')
    logger.debug('loop stopped')
  }

  async #round(): Promise<RoundOutcome> {
    const { limits, claims } = this.#options
    this.#enter('checking')
    if (await this.#gates.anyClosed()) {
      await this.#giveBack()
      return 'closed'
    }
    this.#enter('fetching')
    const free = limits.startConcurrency - this.#underWay.size
    const claimed = claims && (await this.#claimBatch(claims, free))
    return claimed ?? this.#fetchAndClaim(free)
  }

  /** Null if main does not offer it. */
  async #claimBatch(claims: NonNullable<PullLoopOptions['claims']>, free: number): Promise<RoundOutcome | null> {
    const { stopping } = this.#options
    const { waitSeconds } = this.#options.limits
    const limit = Math.min(MAX_LISTED, free)
    const askedAt = performance.now()
    const batch = await this.#gates.whileOpen((signal) => claims.claim({ limit, waitSeconds }, signal))
    if (batch === 'closed') await this.#giveBack()
    if (batch === 'closed' || batch === null) return batch
    const { tasks, suspects } = batch
    for (const suspect of suspects) this.#suspects.add(suspect)
    if (tasks.length > 0) this.#enter('claiming')
    for (const task of tasks) void this.#start(task)
    if (!stopping.aborted && this.#suspects.isTurn(tasks)) {
      if (tasks.length === 0) this.#enter('claiming')
      await this.#tryOneSuspect()
      return 'full'
    }
    if (tasks.length === 0) return this.#emptyAfter(askedAt)
    return tasks.length >= limit || waitSeconds > 0 ? 'full' : 'some'
  }

  async #giveBack(): Promise<void> {
    await this.#patiently(this.#options.claims?.giveBack() ?? Promise.resolve())
  }

  #emptyAfter(askedAt: number): RoundOutcome {
    const { waitSeconds } = this.#options.limits
    const mainWaited = waitSeconds > 0 && performance.now() - askedAt > waitSeconds * 500
    return mainWaited ? 'waited' : 'empty'
  }

  /** Fetches tasks, and claims each with a request of its own. */
  async #fetchAndClaim(freeSlots: number): Promise<RoundOutcome> {
    const { stopping, limits, fetchTasks } = this.#options
    const { batchSize, waitSeconds } = limits
    const free = Math.min(batchSize, freeSlots)
    // Tasks still being claimed, and suspects, are listed again, before all others.
    const limit = Math.min(MAX_LISTED, free + this.#claiming + this.#suspects.size)
    const askedAt = performance.now()
    const fetched = await fetchTasks({ limit, waitSeconds }, stopping)
    const tasks = fetched.filter(({ id }) => !this.#underWay.has(id) && !this.#suspects.has(id)).slice(0, free)
    if (!stopping.aborted && this.#suspects.isTurn(tasks)) {
      this.#enter('claiming')
      await this.#tryOneSuspect()
      return 'some'
    }
    if (stopping.aborted || tasks.length === 0) return this.#emptyAfter(askedAt)
    // A gate may have closed while the request was parked.
    if (waitSeconds > 0 && (await this.#gates.anyClosed())) return 'closed'

    this.#enter('claiming')
    const claims = tasks.map((task) => this.#serve(task, { alone: false }).claimed)
    const claimed = await this.#countWithin(CLAIM_PATIENCE_MS, claims)
    if (claimed === 0) return 'empty'
    // Main waits for the next task, if there is none yet: the loop need not.
    return fetched.length >= limit || waitSeconds > 0 ? 'full' : 'some'
  }

  /** How many succeeded; the loop does not wait for a claim that main keeps failing. */
  async #countWithin(ms: number, claims: Promise<boolean>[]): Promise<number> {
    const { controller, release } = followingSignal(this.#options.stopping)
    let count = 0
    const all = Promise.all(claims.map((claim) => claim.then((isTrue) => (count += Number(isTrue)))))
    await Promise.race([all, pause(ms, controller.signal)])
    controller.abort()
    release()
    return count
  }

  /** Claims a task and goes on to start it; the loop waits for the claim, not for the start. */
  #serve(task: PendingTask, how: { alone: boolean }): { claimed: Promise<boolean>; done: Promise<TaskResult | null> } {
    const { reports } = this.#options
    const logger = this.#options.logger.child({ apiCallId: task.id, taskKey: task.taskKey })
    this.#claiming += 1
    const claim = reports.claim(task, how, logger).finally(() => {
      this.#claiming -= 1
    })
    const claimed = claim.then(({ kind }) => kind === 'claimed')
    const done = claim
      .then(async (result) => {
        if (result.kind === 'alone-only') this.#suspects.add(task)
        return result.kind === 'claimed' ? this.#bringToWorkflow(task, result.claim) : null
      })
      .finally(() => this.#underWay.delete(task.id))
    this.#underWay.set(task.id, done)
    return { claimed, done }
  }

  /** Starts a task that was claimed in a batch. */
  async #start({ id, taskKey, status, attempts, startedAt, createdAt, requestParams, ...claim }: ClaimedTask) {
    const task = { id, taskKey, status, attempts, startedAt, createdAt, requestParams }
    const { fencingToken } = claim
    // By the claim: a task whose lease ended while its start is under way may be claimed here once more.
    const done = this.#bringToWorkflow(task, claim).finally(() => this.#underWay.delete(fencingToken))
    this.#underWay.set(fencingToken, done)
    await done
  }

  async #bringToWorkflow(task: PendingTask, claim: ClaimAnswer): Promise<TaskResult> {
    const { starter, logger } = this.#options
    const { attempt } = claim
    const result = await starter.run(task, claim, logger.child({ apiCallId: task.id, taskKey: task.taskKey, attempt }))
    if (result.did === 'released') this.#gates.forget()
    return result
  }

  async #tryOneSuspect(): Promise<void> {
    await this.#drained()
    const suspect = this.#options.stopping.aborted ? undefined : this.#suspects.take()
    if (!suspect) return
    this.#options.logger.warn(
      { apiCallId: suspect.id, taskKey: suspect.taskKey },
      'claims of this task ended without a run: claiming it alone',
    )
    await this.#serve(suspect, { alone: true }).done
  }

  #troubled(error: unknown): RoundOutcome {
    const { stopping, logger } = this.#options
    if (stopping.aborted) return 'error'
    if (error instanceof MainUnauthorizedError) {
      logger.error(`not fetching: ${error.message}: check internalApiToken`)
      return 'unauthorized'
    }
    if (error instanceof MainUnavailableError) logger.warn(`not fetching: ${describeError(error)}`)
    else logger.error({ err: error }, 'a round of the loop failed')
    return 'error'
  }

  /** Waits until half of the slots are free: fetching tasks one by one would be slower. */
  async #freeSlots(): Promise<void> {
    while (this.#underWay.size > this.#options.limits.startConcurrency / 2) {
      await this.#patiently(Promise.race(this.#underWay.values()))
    }
  }

  async #drained(): Promise<void> {
    await this.#patiently(Promise.all(this.#underWay.values()))
  }

  /** Starts may wait as long as Temporal is down, and pauses are configured: neither means that the loop hangs. */
  #patiently(work: Promise<unknown>): Promise<unknown> {
    return patiently(this.#options.alive, work)
  }

  #enter(state: PullLoopState): void {
    assert(PULL_LOOP_MOVES[this.#state].includes(state), `The pull loop moves from ${this.#state} to ${state}`)
    this.#state = state
    this.#options.alive()
  }
}
