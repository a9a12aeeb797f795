/** The set-ups that are simulated: the bench's own, to check the model by, and larger ones. */
import { pullModeSchema } from '../../config/pull-mode.js'
import { type Load, type Outcome, type Setup, simulate } from './model.js'
import { type Measured, type ServiceTimes, serviceTimes } from './service-times.js'

const { startConcurrency } = pullModeSchema.parse({})
/** As many as the bench dispatches in a round. */
const WAITING = 1000

const CORES = 2

const TWO_CORES: Setup = {
  sharedCores: CORES,
  mains: 1,
  daemons: 1,
  daemonCores: 2,
  integrations: 1,
  databases: 1,
  postgresCores: 2,
  temporalCores: 2,
  startConcurrency,
  networkMs: 0.05,
}

export interface Check {
  what: string
  simulated: number
  measured: number
}

/** What the bench reached on two cores, beside what the simulation says of them. */
export function checks(measured: Measured): Check[] {
  const { starting, completing } = measured.busyCores
  const untilMs = 600_000
  const onCores = (busyCores: number) => slower(serviceTimes(measured), CORES / Math.min(CORES, busyCores))
  const dispatched = simulate(TWO_CORES, { waiting: WAITING, executes: false, untilMs }, onCores(starting))
  const completed = simulate(TWO_CORES, { waiting: WAITING / 5, executes: true, untilMs }, onCores(completing))
  const { dispatchedPerSecond, completedPerSecond } = measured.reached
  return [
    { what: 'dispatched a second', simulated: dispatched.startedPerSecond, measured: dispatchedPerSecond },
    { what: 'completed a second', simulated: completed.completedPerSecond, measured: completedPerSecond },
  ]
}

/** A development server waits for its own database, which nobody else can use meanwhile. */
function slower(times: ServiceTimes, factor: number): ServiceTimes {
  const scaled = Object.entries(times).map(([step, parts]) => [
    step,
    Object.fromEntries(Object.entries(parts as Record<string, number>).map(([part, ms]) => [part, ms * factor])),
  ])
  return Object.fromEntries(scaled) as unknown as ServiceTimes
}

export interface Scenario {
  name: string
  setup: Setup
  load: Load & { perSecond: number }
}

/** How busy a part may be, so that what comes at random does not wait for long. */
const BUSY = 0.7
const DAEMON_CORES = 2
/** A common large server for PostgreSQL. */
const POSTGRES_CORES = 32

/** As large as so many tasks a second need. */
export function setupFor(
  perSecond: number,
  measured: Measured,
  given: { daemons: number; integrations: number },
): Setup {
  const { create, claimRequest, claimedTask, report, start, activity } = serviceTimes(measured)
  // While tasks come at random, most requests claim one.
  const main = create.main + claimRequest.main + claimedTask.main + 3 * report.main
  const postgres = create.postgres + claimRequest.postgres + claimedTask.postgres + 3 * report.postgres
  const temporal = start.temporal + 4 * activity.temporal
  const daemon = start.daemon + 4 * activity.daemon
  const cores = (ms: number) => Math.ceil((perSecond * ms) / 1000 / BUSY)
  const databases = Math.min(given.integrations, Math.ceil(cores(postgres) / POSTGRES_CORES))
  return {
    ...given,
    daemons: Math.max(given.daemons, Math.ceil(cores(daemon) / DAEMON_CORES)),
    daemonCores: DAEMON_CORES,
    mains: Math.max(1, cores(main)),
    databases,
    postgresCores: Math.min(POSTGRES_CORES, Math.max(2, Math.ceil(cores(postgres) / databases))),
    temporalCores: Math.max(2, cores(temporal)),
    startConcurrency,
    networkMs: 0.5,
  }
}

/** Simulated long enough that the last second is like the one before. */
export function scenarios(measured: Measured): Scenario[] {
  const sized = (perSecond: number, daemons: number, integrations: number, untilMs: number): Scenario => ({
    name: `${perSecond.toLocaleString('en-US')} tasks/s`,
    setup: setupFor(perSecond, measured, { daemons, integrations }),
    load: { perSecond, executes: true, untilMs },
  })
  return [sized(10, 1, 3, 60_000), sized(100, 2, 10, 20_000), sized(1000, 10, 20, 5000), sized(10_000, 100, 50, 2000)]
}

export function run({ setup, load }: Scenario, measured: Measured): Outcome {
  return simulate(setup, load, serviceTimes(measured))
}
