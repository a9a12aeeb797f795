/** The simulators' faults: their kinds, how they are written, and which one is due now. */
import { z } from 'zod'
import { chance } from './chance.js'

/**
 * The moments at which faults happen.
 * - `create`, `read`, `download`: instead of the answer to such a request. A read is any request about a task.
 * - `created`, `wasRead`, `downloaded`: to its answer, after the work was done.
 * - `judged`: after a create was validated, before it is accepted.
 * - `end`: a task that is accepted now ends like that.
 * - `answer`: to any answer to a request with a key.
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

/** All kinds of faults, of all simulators. At the same moment an earlier one goes first. */
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

/** The given number of times, or at random with the given probability. */
export type FaultRule = number | `${number}%`

const faultRuleSchema = z.custom<FaultRule>(isRule, {
  message: 'must be a count such as 3, or a probability such as "10%"',
})

/** The faults to come: `{ rateLimited: 3, acceptThenReset: '10%' }`. The same in code, in JSON and over HTTP. */
const faultPlanSchema = z.partialRecord(z.enum(FAULT_KINDS), faultRuleSchema, {
  error: 'must be an object such as {"rateLimited": 3, "acceptThenReset": "10%"}',
})
export type FaultPlan = Partial<Record<FaultKind, FaultRule>>

/** The requested fault does not exist, or not in this simulator. */
export class FaultPlanError extends Error {
  override readonly name = 'FaultPlanError'
  readonly code = 'FAULT_PLAN_INVALID'
  readonly retryable = false
}

/** @throws FaultPlanError that names the fault and the remedy */
export function parseFaultPlan(value: unknown): FaultPlan {
  const plan = faultPlanSchema.safeParse(value)
  if (plan.success) return plan.data
  const [issue] = plan.error.issues
  if (issue?.code === 'unrecognized_keys') {
    throw new FaultPlanError(`there is no fault ${issue.keys[0]}; there are ${FAULT_KINDS.join(', ')}`)
  }
  throw new FaultPlanError([...(issue?.path ?? []), issue?.message].join(': '))
}

/** One simulator's faults: which are still to come, and whether one is due. They may be changed at any time. */
export class Faults {
  readonly #rules = new Map<FaultKind, FaultRule>()
  readonly #draws = new Map<FaultKind, number>()

  /**
   * @param kinds the kinds that this simulator has
   * @param seed random faults depend on it, and on how often a fault of that kind could have happened
   * @param retryAfterSeconds the `Retry-After` of a 429 that has one; a text is sent unchanged
   */
  constructor(
    readonly kinds: readonly FaultKind[],
    private readonly seed: number,
    public retryAfterSeconds: number | string,
  ) {}

  /** The faults that are still to come. */
  get plan(): FaultPlan {
    return Object.fromEntries(this.#rules)
  }

  /**
   * Replaces the rules of the named kinds; 0 removes a rule.
   *
   * @throws FaultPlanError for a kind that this simulator does not have
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

  /** Adds faults of a kind to those that are still to come. Replaces a probability. */
  add(kind: FaultKind, count: number): void {
    const due = this.#rules.get(kind)
    this.set({ [kind]: count + (typeof due === 'number' ? due : 0) })
  }

  clear(): void {
    this.#rules.clear()
  }

  /** Whether a fault of this kind happens now; if so, a count is decreased. */
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
