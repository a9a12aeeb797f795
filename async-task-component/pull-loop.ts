/** The loop of one integration: wait, check the gates, fetch, claim, start; and again. */
import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import type { PullModeOptions } from '../config/pull-mode.js'
import { pause } from '../lib/abort.js'
import { MAX_BATCH_BYTES, MAX_LISTED } from '../protocol/limits.js'
import type { ClaimAnswer } from '../protocol/messages.js'
import type { ClaimedTask, PendingTask } from '../protocol/wire.js'
import type { AdaptiveInterval, RoundOutcome } from './adaptive-interval.js'
import type { BatchClaims } from './batch-claims.js'
import { describeError, MainUnauthorizedError, MainUnavailableError } from './errors.js'
import type { ClosedGate, Gate } from './gates.js'
import { OpenGates } from './open-gates.js'
import { patiently } from './patiently.js'
import { PULL_LOOP_MOVES, type PullLoopState } from './pull-loop-states.js'
import { SingleClaims, type SingleClaimsOptions } from './single-claims.js'
import { Suspects } from './suspects.js'
import type { TaskStarter } from './task-starter.js'
import type { TaskResult } from './types.js'

export interface PullLoopOptions extends SingleClaimsOptions {
  /** Fetches and claims in one request. Without it, or if main does not offer it, tasks are fetched and claimed. */
  claims?: Pick<BatchClaims, 'claim' | 'giveBack'>
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
}

export class PullLoop {
  readonly #options: PullLoopOptions
  #state: PullLoopState = 'idle'
  #running: Promise<void> | null = null
  /** Claims and starts in flight, by task. */
  readonly #underWay = new Map<string, Promise<unknown>>()
  /** Of the parameters of those that are being started, as JSON. */
  #bytesUnderWay = 0
  #lastRound: RoundOutcome | null = null
  readonly #suspects = new Suspects()
  readonly #gates: OpenGates
  readonly #singles: SingleClaims

  constructor(options: PullLoopOptions) {
    this.#options = options
    this.#gates = new OpenGates(options)
    const start = (task: PendingTask, claim: ClaimAnswer) => this.#bringToWorkflow(task, claim)
    this.#singles = new SingleClaims(options, this.#underWay, this.#suspects, start)
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
    // Their starts are sent before the next request.
    if (tasks.length > 0) await turn()
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

  /** For a main of an earlier version. */
  async #fetchAndClaim(free: number): Promise<RoundOutcome> {
    const { stopping, limits } = this.#options
    const { waitSeconds } = limits
    const askedAt = performance.now()
    const { tasks, isFull } = await this.#singles.fetch(free)
    if (!stopping.aborted && this.#suspects.isTurn(tasks)) {
      this.#enter('claiming')
      await this.#tryOneSuspect()
      return 'some'
    }
    if (stopping.aborted || tasks.length === 0) return this.#emptyAfter(askedAt)
    // A gate may have closed while the request was parked.
    if (waitSeconds > 0 && (await this.#gates.anyClosed())) return 'closed'

    this.#enter('claiming')
    if ((await this.#singles.claimAll(tasks)) === 0) return 'empty'
    // Main waits for the next task, if there is none yet: the loop need not.
    return isFull || waitSeconds > 0 ? 'full' : 'some'
  }

  /** Starts a task that was claimed in a batch. */
  async #start({ id, taskKey, status, attempts, startedAt, createdAt, requestParams, ...claim }: ClaimedTask) {
    const task = { id, taskKey, status, attempts, startedAt, createdAt, requestParams }
    const { fencingToken } = claim
    const bytes = JSON.stringify(requestParams)?.length ?? 0
    this.#bytesUnderWay += bytes
    // By the claim: a task whose lease ended while its start is under way may be claimed here once more.
    const done = this.#bringToWorkflow(task, claim).finally(() => {
      this.#underWay.delete(fencingToken)
      this.#bytesUnderWay -= bytes
    })
    this.#underWay.set(fencingToken, done)
    await done
  }

  async #bringToWorkflow(task: PendingTask, claim: ClaimAnswer): Promise<TaskResult> {
    const { starter, logger } = this.#options
    const { attempt } = claim
    this.#gates.started(1)
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
    await this.#singles.claim(suspect, { alone: true }).done
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

  /** Waits until half of the slots are free: fetching tasks one by one would be slower. Large tasks take more room. */
  async #freeSlots(): Promise<void> {
    const mostAtOnce = this.#options.limits.startConcurrency / 2
    while (this.#underWay.size > mostAtOnce || this.#bytesUnderWay > MAX_BATCH_BYTES) {
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
