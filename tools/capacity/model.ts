/** The path of tasks through mains, PostgreSQL, daemons and Temporal, as queues. */
import { percentile } from '../bench/statistics.js'
import { ACTIVITIES, REPORTS, type ServiceTimes } from './service-times.js'
import { Simulation, Station } from './simulation.js'

export interface Setup {
  /** Cores that all processes share. Default: each process has its own machine. */
  sharedCores?: number
  /** Processes of one thread. */
  mains: number
  daemons: number
  /** Of each daemon: its thread, those of its workflows, and the SDK's core. */
  daemonCores: number
  integrations: number
  /** Databases, over which the integrations are spread. */
  databases: number
  /** Of each database. */
  postgresCores: number
  temporalCores: number
  /** Starts of one daemon and integration that may be under way at once. */
  startConcurrency: number
  /** The way between two processes, there or back. */
  networkMs: number
}

export interface Load {
  /** Tasks that wait at the beginning. */
  waiting?: number
  /** Tasks that are created each second, at random. */
  perSecond?: number
  /** Whether their workflows are executed, too. */
  executes: boolean
  /** When it ends, unless everything is done. */
  untilMs: number
}

export interface Outcome {
  startedPerSecond: number
  completedPerSecond: number
  /** From the create's answer to the workflow's start. */
  pickupMs: { p50: number; p99: number } | undefined
  /** The part of their time that they are at work. */
  busy: Record<'main' | 'postgres' | 'daemon' | 'temporal', number>
  claimRequests: number
  claimed: number
  /** Tasks that were created, and not started by the end. */
  behind: number
}

const SECOND_MS = 1000

/** By the seed: the same each time. */
function randomNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return (state + 1) / 2 ** 32
  }
}

export function simulate(setup: Setup, load: Load, times: ServiceTimes): Outcome {
  const simulation = new Simulation()
  const random = randomNumbers(1)
  const machine = setup.sharedCores === undefined ? undefined : new Station(simulation, 'machine', setup.sharedCores)
  const stations = (name: string, count: number, places: number) =>
    Array.from({ length: count }, () => new Station(simulation, name, places, machine))
  const mains = stations('main', setup.mains, 1)
  const databases = stations('postgres', setup.databases, setup.postgresCores)
  const daemons = stations('daemon', setup.daemons, setup.daemonCores)
  const [temporal] = stations('temporal', 1, setup.temporalCores) as [Station]

  const pickups: number[] = []
  const counts = { created: 0, started: 0, completed: 0, claimRequests: 0, claimed: 0 }
  let [firstStart, lastStart, lastEnd] = [0, 0, 0]
  const pending: number[][] = Array.from({ length: setup.integrations }, () => [])
  const parked: Array<Array<() => void>> = Array.from({ length: setup.integrations }, () => [])

  const away = (then: () => void) => simulation.after(setup.networkMs, then)
  /** A request to some main, which asks the integration's database. */
  const ask = (integration: number, cost: { main: number; postgres: number }, then: () => void) => {
    const main = mains[Math.floor(random() * mains.length) % mains.length] as Station
    const database = databases[integration % databases.length] as Station
    away(() => main.serve(cost.main, () => database.serve(cost.postgres, () => away(then))))
  }
  const execute = (integration: number, daemon: Station, step: number) => {
    if (step === ACTIVITIES) {
      counts.completed += 1
      lastEnd = simulation.now
      return
    }
    const next = () => execute(integration, daemon, step + 1)
    away(() =>
      temporal.serve(times.activity.temporal, () =>
        daemon.serve(times.activity.daemon, () => (step < REPORTS ? ask(integration, times.report, next) : next())),
      ),
    )
  }
  const loop = (integration: number, daemon: Station) => {
    let underWay = 0
    let asking = false
    /** Whether its claim has found tasks; until then it is parked. */
    let requested = false
    let parkings = 0
    const start = (createdAt: number) =>
      daemon.serve(times.start.daemon, () =>
        away(() =>
          temporal.serve(times.start.temporal, () => {
            counts.started += 1
            if (counts.started === 1) firstStart = simulation.now
            lastStart = simulation.now
            if (createdAt >= 0) pickups.push(simulation.now - createdAt)
            if (load.executes) execute(integration, daemon, 0)
            away(() => {
              underWay -= 1
              claim()
            })
          }),
        ),
      )
    const claim = () => {
      if (asking || underWay > setup.startConcurrency / 2) return
      asking = true
      requested = false
      // Main holds the request until there is a task; one of those that wait is woken.
      if ((pending[integration]?.length ?? 0) > 0) request()
      else {
        parked[integration]?.push(request)
        parkings += 1
        hold(parkings)
      }
    }
    /** What it costs while it is parked, second by second. */
    const hold = (parking: number) =>
      simulation.after(SECOND_MS, () => {
        if (!asking || requested || parking !== parkings) return
        ask(integration, times.parked, () => hold(parking))
      })
    const request = () => {
      const tasks = pending[integration]?.splice(0, setup.startConcurrency - underWay) ?? []
      counts.claimRequests += 1
      requested = true
      const { claimRequest, claimedTask } = times
      const main = claimRequest.main + tasks.length * claimedTask.main
      const postgres = claimRequest.postgres + tasks.length * claimedTask.postgres
      underWay += tasks.length
      counts.claimed += tasks.length
      ask(integration, { main, postgres }, () => {
        asking = false
        for (const createdAt of tasks) start(createdAt)
        claim()
      })
    }
    claim()
  }
  const arrive = (integration: number, createdAt: number) => {
    counts.created += 1
    pending[integration]?.push(createdAt)
    parked[integration]?.shift()?.()
  }

  for (let task = 0; task < (load.waiting ?? 0); task += 1) arrive(task % setup.integrations, -1)
  for (const daemon of daemons)
    for (let integration = 0; integration < setup.integrations; integration += 1) loop(integration, daemon)
  const createNext = () => {
    const integration = Math.floor(random() * setup.integrations) % setup.integrations
    ask(integration, times.create, () => arrive(integration, simulation.now))
    simulation.after((-1000 * Math.log(random())) / (load.perSecond as number), createNext)
  }
  if (load.perSecond !== undefined) createNext()
  simulation.run(load.untilMs)

  const busyOf = (of: Station[]) =>
    of.reduce((sum, { busyMs, places }) => sum + busyMs / (places * simulation.now), 0) / of.length
  const over = (count: number, fromMs: number, toMs: number) => (toMs > fromMs ? (1000 * count) / (toMs - fromMs) : 0)
  return {
    startedPerSecond: over(counts.started, firstStart, lastStart),
    completedPerSecond: over(counts.completed, firstStart, lastEnd),
    pickupMs: pickups.length > 0 ? { p50: percentile(pickups, 0.5), p99: percentile(pickups, 0.99) } : undefined,
    busy: { main: busyOf(mains), postgres: busyOf(databases), daemon: busyOf(daemons), temporal: busyOf([temporal]) },
    claimRequests: counts.claimRequests,
    claimed: counts.claimed,
    behind: counts.created - counts.started,
  }
}
