/** Which faults happen when: all of it follows from the seed. Pure. */
import type { FaultKind as SimulatorFault } from '../simulators/index.js'
import { type Random, seededRandom } from './random.js'

/** How requests on one route are disturbed. */
export const HTTP_FAULTS = ['delay', 'drop-answer', 'answer-5xx', 'half-open'] as const
export type HttpFault = (typeof HTTP_FAULTS)[number]

/** How single claims of batches (`claimTasks`) are disturbed. */
export const CLAIM_FAULTS = [
  /** Main has committed. */
  'drop-answer',
  'drop-request',
  'delay',
  'answer-5xx',
  /** The connection is cut while the request is parked, or its answer is on its way. */
  'cut',
  /** It arrives twice, at two mains if there are two. */
  'repeat',
  /** The main that has committed is killed before it answers. */
  'kill-main',
] as const
export type ClaimFault = (typeof CLAIM_FAULTS)[number]

/** The routes between processes that lead through the fault proxy, named by their target. */
export const ROUTES = ['main', 'ark', 'images'] as const
export type Route = (typeof ROUTES)[number]

/** Faults of the providers' simulators themselves. */
export const PROVIDER_FAULTS = {
  ark: ['rateLimited', 'failBeforeAccept', 'readFail', 'acceptThenReset'],
  images: ['rateLimited', 'failBeforeAccept', 'acceptThenReset'],
} as const satisfies Record<string, readonly SimulatorFault[]>
export type ProviderFault = (typeof PROVIDER_FAULTS)[keyof typeof PROVIDER_FAULTS][number]

export type Fault =
  /** kill -9; the supervisor starts it again after `durationMs`. */
  | { kind: 'daemon-kill' | 'main-kill'; index: number; durationMs: number }
  /** SIGSTOP, and SIGCONT after `durationMs`. */
  | { kind: 'daemon-pause' | 'main-pause'; index: number; durationMs: number }
  /** The daemon's route to main is cut. */
  | { kind: 'daemon-cut'; index: number; durationMs: number }
  /** kill -9, or the nearest the server survives; started again on the same data after `durationMs`. */
  | { kind: 'temporal-restart' | 'postgres-restart'; durationMs: number }
  /** So many running workflows are terminated. */
  | { kind: 'workflow-terminate'; count: number; durationMs: 0 }
  /** `share` of the requests on the route are disturbed while it lasts. */
  | { kind: HttpFault; route: Route; share: number; durationMs: number }
  /** `share` of the claims of batches are disturbed while it lasts; with `kill-main`, the first of them. */
  | { kind: 'claim-fault'; fault: ClaimFault; share: number; durationMs: number }
  /** The provider's next `count` requests of that kind fail. */
  | { kind: 'provider-fault'; route: 'ark' | 'images'; fault: ProviderFault; count: number; durationMs: 0 }

export type FaultKind = Fault['kind']
export const FAULT_KINDS: readonly FaultKind[] = [
  'daemon-kill',
  'main-kill',
  'daemon-pause',
  'main-pause',
  'daemon-cut',
  'temporal-restart',
  'postgres-restart',
  'workflow-terminate',
  'provider-fault',
  'claim-fault',
  ...HTTP_FAULTS,
]
export type ScheduledFault = Fault & { atMs: number }

export interface ScheduleOptions {
  seed: number
  daemons: number
  mains: number
  /** Faults begin within this time. */
  windowMs: number
  /** Kinds to leave out. */
  without?: readonly FaultKind[]
  /** Whether a fault of claims begins with each other fault. */
  claims?: boolean
}

/**
 * Longer than the run's lease, so that a paused claimer wakes up superseded; shorter than the lookup window (see
 * `settings.ts`).
 */
const PAUSE_MS = { shortest: 3_000, longest: 18_000 }
/** Time-outs are 3 s and longer, so some requests are given up before the delayed request is passed on. */
const MEAN_PAUSE_BETWEEN_FAULTS_MS = 5_000

/**
 * Draws the faults of one run, in the order in which they begin: every kind once before any comes a second time,
 * at least once each however short the window.
 */
export function scheduleFaults({
  seed,
  daemons,
  mains,
  windowMs,
  without = [],
  claims,
}: ScheduleOptions): ScheduledFault[] {
  const random = seededRandom(seed, 'faults')
  const kinds = makers(random, daemons, mains).filter(({ kind }) => !without.includes(kind))
  if (kinds.length === 0) return []
  const count = Math.max(kinds.length, Math.floor(windowMs / MEAN_PAUSE_BETWEEN_FAULTS_MS))
  const drawn: Fault[] = []
  while (drawn.length < count) drawn.push(...random.shuffled(kinds).map(({ make }) => make()))

  const slotMs = windowMs / count
  const nextClaimFault = claimFaults(random)
  return drawn
    .slice(0, count)
    .map((fault, slot) => ({ ...fault, atMs: Math.round((slot + random.next()) * slotMs) }))
    .flatMap((fault) => (claims ? [fault, { ...nextClaimFault(), atMs: fault.atMs }] : [fault]))
    .sort((a, b) => a.atMs - b.atMs)
}

function makers(random: Random, daemons: number, mains: number): Array<{ kind: FaultKind; make: () => Fault }> {
  const daemon = () => random.between(0, daemons - 1)
  const main = () => random.between(0, mains - 1)
  const outage = () => random.between(1_000, 6_000)
  const pause = () => random.between(PAUSE_MS.shortest, PAUSE_MS.longest)
  const all: Array<() => Fault> = [
    () => ({ kind: 'daemon-kill', index: daemon(), durationMs: outage() }),
    () => ({ kind: 'main-kill', index: main(), durationMs: outage() }),
    () => ({ kind: 'daemon-pause', index: daemon(), durationMs: pause() }),
    () => ({ kind: 'main-pause', index: main(), durationMs: pause() }),
    () => ({ kind: 'daemon-cut', index: daemon(), durationMs: pause() }),
    () => ({ kind: 'temporal-restart', durationMs: outage() }),
    () => ({ kind: 'postgres-restart', durationMs: outage() }),
    () => ({ kind: 'workflow-terminate', count: random.between(1, 4), durationMs: 0 }),
    () => ({ kind: 'workflow-terminate', count: random.between(1, 4), durationMs: 0 }),
    ...HTTP_FAULTS.map((kind) => (): Fault => httpFault(random, kind)),
    () => providerFault(random),
    claimFaults(random),
  ]
  return all.map((make) => ({ kind: make().kind, make }))
}

/** Each kind once, in any order, before any comes again. */
function claimFaults(random: Random): () => Fault {
  let left: ClaimFault[] = []
  return () => {
    if (left.length === 0) left = random.shuffled(CLAIM_FAULTS)
    const fault = left.pop() as ClaimFault
    const share = random.between(3, 8) / 10
    return { kind: 'claim-fault', fault, share, durationMs: random.between(3_000, 10_000) }
  }
}

function providerFault(random: Random): Fault {
  const route = random.pick(['ark', 'ark', 'images'] as const)
  const fault = random.pick<ProviderFault>(PROVIDER_FAULTS[route])
  return { kind: 'provider-fault', route, fault, count: random.between(1, 3), durationMs: 0 }
}

function httpFault(random: Random, kind: HttpFault): Fault {
  return {
    kind,
    // Main has most of the requests.
    route: random.pick(['main', 'main', 'ark', 'images']),
    share: random.between(2, 6) / 10,
    durationMs: random.between(3_000, 10_000),
  }
}
