/** The size of a money run, what goes wrong in it, and its timings. */
import { type FaultKind, type FaultPlan, faultsAt } from '@/simulator/faults.js'

/** Videos to ask for. */
export const TASKS = Number(process.env.MONEY_TASKS ?? 40)
/** Which faults happen when follows from it. With the default every kind comes up in a run of the default size. */
export const SEED = Number(process.env.MONEY_SEED ?? 44)
/** For everything to become final. */
export const LIMIT_MS = 300_000 + TASKS * 1_500

/** How long the simulator takes for a video. */
export const LATENCY_MS = 800
/** For so long some creates are held back on their way: past the request's time-out, within the margin after it. */
export const LATE_MS = 7_000
export const DAEMONS = 2
/** From one kill of a daemon to the next, once it runs again. */
export const KILL_EVERY_MS = 15_000
/** Of the creates whose answer is lost, every so many-th loses its run too. */
export const TERMINATE_EVERY = 6

/** What the provider charges, as it is configured. The price of a create is unlike that of any video. */
export const PRICES = {
  currency: 'CNY',
  microsOfToken: 15,
  ARK_PRICES: JSON.stringify({
    currency: 'CNY',
    create: '0.123457',
    units: { completionTokens: { price: '15', per: 1_000_000 } },
  }),
}

/** Shorter than the defaults, in their proportions. */
export const TIMINGS = {
  ARK_REQUEST_TIMEOUT_MS: '1500',
  ARK_SETTLE_SECONDS: '7',
  STUCK_TIMEOUT_SECONDS: '15',
  RECONCILE_INTERVAL_MS: '3000',
  UNCHECKED_FOR_SECONDS: '10',
  // A look-up that finds nothing holds its place for ten seconds.
  ARK_MAX_TASKS_IN_FLIGHT: '150',
  ARK_REQUESTS_PER_MINUTE: '60000',
} as const

/** In percent of the times that it could happen, in a long run. */
const SHARES: Partial<Record<FaultKind, number>> = {
  rateLimited: 2,
  rateLimitedWithoutDelay: 2,
  quotaExceeded: 0.5,
  overloaded: 2,
  accountOverdue: 1,
  accessDenied: 1,
  failBeforeAccept: 3,
  resetBeforeAccept: 3,
  hangBeforeAccept: 3,
  refuseAtCreate: 2,
  acceptThenFail: 4,
  acceptThenReset: 4,
  acceptThenHang: 4,
  acceptThenSlow: 4,
  acceptThenTruncate: 4,
  acceptThenMalform: 4,
  refuseAtFinish: 2,
  failAtFinish: 6,
  expire: 3,
  cancel: 2,
  wrongSize: 2,
  readRateLimited: 0.5,
  readFail: 0.5,
  readReset: 0.5,
  readHang: 0.5,
  readMissing: 0.5,
  vanish: 0.5,
  readSlow: 0.5,
  readTruncate: 0.5,
  readMalform: 0.5,
  linkExpired: 2,
  fileGone: 2,
  downloadHang: 1,
  downloadTruncate: 2,
  echoKey: 2,
}
/** As above, of creates that are held back, and of answers that repeat the key. */
const GATEWAY_SHARES = { late: 5, echo: 1 }
/** How many times as much goes wrong with creates in a small run, which else would not have every kind. */
const MORE_IN_A_SMALL_RUN = 3
/** Not with reads: a look-up takes many, and would find only once what was held back has arrived. */
const READS = faultsAt('read', 'wasRead')
const SMALL = 200

export function faultPlan(tasks: number): FaultPlan {
  const kinds = Object.entries(SHARES) as Array<[FaultKind, number]>
  const percent = (kind: FaultKind, share: number) => share * (READS.includes(kind) ? 1 : moreIn(tasks))
  return Object.fromEntries(kinds.map(([kind, share]) => [kind, `${percent(kind, share)}%`]))
}

/** What goes wrong at the gateway, as probabilities. */
export function gatewayPlan(tasks: number): Record<keyof typeof GATEWAY_SHARES, number> {
  return { late: (GATEWAY_SHARES.late * moreIn(tasks)) / 100, echo: GATEWAY_SHARES.echo / 100 }
}

function moreIn(tasks: number): number {
  return tasks < SMALL ? MORE_IN_A_SMALL_RUN : 1
}
