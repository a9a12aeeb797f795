/** What simulators can be told to do wrong, how that is written, and which fault is due now. */
import { z } from 'zod'
import { chance } from './chance.js'

/**
 * The moments at which faults happen.
 * - `create`, `read`, `download`: instead of the answer to such a request. A read is any request about a task.
 * - `created`, `wasRead`, `downloaded`: to its answer, after the work was done.
 * - `judged`: when a create is found valid, before it is accepted.
 * - `end`: what is accepted now will end like that.
 * - `answer`: to any answer to a request that came with a key.
 * - `lookUp`: when one task is looked up by its id.
 */
export type FaultMoment =
  | 'create'
  | 'judged'
  | 'created'
  | 'end'
  | 'read'
  | 'lookUp'
  | 'wasRead'
  | 'download'
  | 'downloaded'
  | 'answer'

/** Every kind of fault, for all simulators: the one list there is. At one moment an earlier one goes first. */
export const FAULTS = {
  rateLimited: ['create', '429 with a delay to wait (Retry-After; Gemini: RetryInfo). Nothing is accepted'],
  rateLimitedWithoutDelay: ['create', '429 without a delay. Nothing is accepted'],
  quotaExceeded: ['create', '429: a quota is used up. Nothing is accepted'],
  overloaded: ['create', "the provider's answer under overload. Nothing is accepted"],
  accountOverdue: ['create', '403: the bill was not paid. Nothing is accepted'],
  accessDenied: ['create', '403: the key may not do this. Nothing is accepted'],
  failBeforeAccept: ['create', '500. Nothing is accepted'],
  resetBeforeAccept: ['create', 'the connection is reset. Nothing is accepted'],
  hangBeforeAccept: ['create', 'no answer until the caller gives up. Nothing is accepted'],
  refuseAtCreate: ['judged', 'moderation refuses the request'],
  acceptThenFail: ['created', '500, though the create was accepted and is charged for'],
  acceptThenReset: ['created', 'accepted, then the connection is reset'],
  acceptThenHang: ['created', 'accepted, then no answer until the caller gives up'],
  acceptThenSlow: ['created', "accepted; the answer's body comes in pieces over `slowBodyMs`"],
  acceptThenTruncate: ['created', "accepted; the connection breaks half-way through the answer's body"],
  acceptThenMalform: ['created', 'accepted; the answer is a whole response whose JSON is not'],
  refuseAtFinish: ['end', 'made, then moderation refuses what was made'],
  failAtFinish: ['end', "ends by a failure inside the provider, or (images) with no image and no one's fault"],
  wrongSize: ['end', 'made in another ratio than was asked for'],
  expire: ['end', 'ends as expired'],
  cancel: ['end', 'ends as cancelled, while it is still queued'],
  readRateLimited: ['read', 'a read gets 429 with a delay to wait'],
  readFail: ['read', 'a read gets 500'],
  readReset: ['read', "a read's connection is reset"],
  readHang: ['read', 'a read gets no answer until the caller gives up'],
  readMissing: ['lookUp', '404 for a task whose record is there, as one that comes late'],
  vanish: ['lookUp', 'the record of the task that is asked for is gone from now on: 404'],
  readSlow: ['wasRead', "a read's body comes in pieces over `slowBodyMs`"],
  readTruncate: ['wasRead', "the connection breaks half-way through a read's body"],
  readMalform: ['wasRead', 'a read gets a whole response whose JSON is not'],
  linkExpired: ['download', 'a file gets 403, as an expired link does'],
  fileGone: ['download', 'a file gets 404'],
  downloadHang: ['downloaded', 'nothing comes after the first half of a file'],
  downloadTruncate: ['downloaded', 'the connection breaks half-way through a file'],
  echoKey: ['answer', "an answer repeats the request's key, in all forms, wherever it says something in words"],
  echoKeyEverywhere: ['answer', 'the same, and in ids, statuses, reasons, links and headers too'],
} as const satisfies Record<string, readonly [FaultMoment, string]>

export type FaultKind = keyof typeof FAULTS
export const FAULT_KINDS = Object.keys(FAULTS) as FaultKind[]

/** The kinds of some moments. */
export function faultsAt(...moments: FaultMoment[]): FaultKind[] {
  return FAULT_KINDS.filter((kind) => moments.includes(FAULTS[kind][0]))
}

/** The next so many times, or at random: each time with this probability. */
export type FaultRule = number | `${number}%`

const faultRuleSchema = z.custom<FaultRule>(isRule, {
  message: 'must be a count such as 3, or a probability such as "10%"',
})

/** Which faults are to come: `{ rateLimited: 3, acceptThenReset: '10%' }`. The same in code, in JSON and over HTTP. */
const faultPlanSchema = z.partialRecord(z.enum(FAULT_KINDS), faultRuleSchema, {
  error: 'must be an object such as {"rateLimited": 3, "acceptThenReset": "10%"}',
})
export type FaultPlan = Partial<Record<FaultKind, FaultRule>>

/** A fault that was asked for and that there is not, here or at all. */
export class FaultPlanError extends Error {
  override readonly name = 'FaultPlanError'
  readonly code = 'FAULT_PLAN_INVALID'
  readonly retryable = false
}

/** @throws FaultPlanError naming the fault and what would be right */
export function parseFaultPlan(value: unknown): FaultPlan {
  const plan = faultPlanSchema.safeParse(value)
  if (plan.success) return plan.data
  const [issue] = plan.error.issues
  if (issue?.code === 'unrecognized_keys') {
    throw new FaultPlanError(`there is no fault ${issue.keys[0]}; there are ${FAULT_KINDS.join(', ')}`)
  }
  throw new FaultPlanError([...(issue?.path ?? []), issue?.message].join(': '))
}

/** The faults of one simulator: those that are still to come, and whether one is due. Changed at any time. */
export class Faults {
  readonly #rules = new Map<FaultKind, FaultRule>()
  readonly #draws = new Map<FaultKind, number>()

  /**
   * @param kinds those that this simulator has
   * @param seed what happens at random follows from it, and from how often a fault of that kind could have happened
   * @param retryAfterSeconds what an answer 429 says, where it says when to try again; a text stands there as it is
   */
  constructor(
    readonly kinds: readonly FaultKind[],
    private readonly seed: number,
    public retryAfterSeconds: number | string,
  ) {}

  /** What is still to come. */
  get plan(): FaultPlan {
    return Object.fromEntries(this.#rules)
  }

  /**
   * Replaces the rules of the kinds that are named; 0 takes a rule away.
   *
   * @throws FaultPlanError for what this simulator does not have
   */
  set(plan: FaultPlan): void {
    const rules = Object.entries(parseFaultPlan(plan)) as Array<[FaultKind, FaultRule]>
    for (const [kind] of rules) {
      if (!this.kinds.includes(kind)) {
        throw new FaultPlanError(`this simulator does not have ${kind}; it has ${this.kinds.join(', ')}`)
      }
    }
    for (const [kind, rule] of rules) {
      if (rule === 0) this.#rules.delete(kind)
      else this.#rules.set(kind, rule)
    }
  }

  /** So many more of a kind, beyond those that are still to come. Takes the place of a probability. */
  add(kind: FaultKind, count: number): void {
    const due = this.#rules.get(kind)
    this.set({ [kind]: count + (typeof due === 'number' ? due : 0) })
  }

  clear(): void {
    this.#rules.clear()
  }

  /** Whether a fault of this kind happens now; one that is counted counts down. */
  take(kind: FaultKind): boolean {
    const rule = this.#rules.get(kind)
    if (rule === undefined) return false
    if (typeof rule === 'number') {
      this.set({ [kind]: rule - 1 })
      return true
    }
    const draw = this.#draws.get(kind) ?? 0
    this.#draws.set(kind, draw + 1)
    return chance(this.seed, kind, draw) < Number.parseFloat(rule) / 100
  }

  /** The first fault of this moment that happens now. */
  takeAt(moment: FaultMoment): FaultKind | undefined {
    return faultsAt(moment).find((kind) => this.take(kind))
  }
}

function isRule(value: unknown): boolean {
  if (typeof value === 'number') return Number.isInteger(value) && value >= 0
  return typeof value === 'string' && /^\d+(\.\d+)?%$/.test(value) && Number.parseFloat(value) <= 100
}
