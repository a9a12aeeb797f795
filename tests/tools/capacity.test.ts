import { expect, test } from 'vitest'
import { keyOf } from '@/tools/bench/results.js'
import { measuredBy } from '@/tools/capacity/from-bench.js'
import { type Setup, simulate } from '@/tools/capacity/model.js'
import { checks, setupFor } from '@/tools/capacity/scenarios.js'
import { type Measured, readMeasured, serviceTimes } from '@/tools/capacity/service-times.js'
import { Simulation, Station } from '@/tools/capacity/simulation.js'

test('on two cores the model agrees with the bench within 20 %', () => {
  for (const { what, simulated, measured } of checks(readMeasured())) {
    expect(simulated / measured, what).toBeGreaterThan(0.8)
    expect(simulated / measured, what).toBeLessThan(1.2)
  }
})

test('a station serves so many at once, in the order of their coming', () => {
  const simulation = new Simulation()
  const station = new Station(simulation, 'two', 2)
  const ended: Array<[string, number]> = []
  for (const [name, ms] of [
    ['a', 30],
    ['b', 10],
    ['c', 10],
    ['d', 10],
  ] as const)
    station.serve(ms, () => ended.push([name, simulation.now]))
  simulation.run(1000)
  expect(ended).toEqual([
    ['b', 10],
    ['c', 20],
    ['a', 30],
    ['d', 30],
  ])
  expect(station.busyMs).toBe(60)
})

test('processes on shared cores wait for them', () => {
  const simulation = new Simulation()
  const machine = new Station(simulation, 'machine', 1)
  const ends: number[] = []
  for (const name of ['main', 'daemon'])
    new Station(simulation, name, 1, machine).serve(10, () => ends.push(simulation.now))
  simulation.run(1000)
  expect(ends).toEqual([10, 20])
})

/** Like a quiet machine's, and the same whatever is measured. */
const QUIET: Measured = {
  cleanRounds: 3,
  create: { main: 3, postgres: 1.2 },
  dispatch: { main: 0.6, postgres: 0.4, daemon: 2.2, temporal: 4.6 },
  claimedInBatch: 0.3,
  reports: { main: 8, postgres: 3 },
  life: { daemon: 15, temporal: 25 },
  parked: { main: 0.8, postgres: 0.3 },
  busyCores: { starting: 1.9, completing: 1.9 },
  reached: { dispatchedPerSecond: 220, completedPerSecond: 35 },
}
const times = serviceTimes(QUIET)
const SMALL: Setup = {
  ...{ mains: 2, daemons: 2, daemonCores: 2, integrations: 4, databases: 2, postgresCores: 4, temporalCores: 8 },
  ...{ startConcurrency: 8, networkMs: 0.5 },
}

test('no task is lost: all that wait are started and completed, and what a task costs is what was measured', () => {
  const outcome = simulate(SMALL, { waiting: 200, executes: true, untilMs: 1e6 }, times)
  expect(outcome.behind).toBe(0)
  expect(outcome.claimed).toBe(200)
  expect(outcome.claimRequests).toBeLessThan(200)
  const { busy, completedPerSecond } = outcome
  for (const [part, share] of Object.entries(busy)) expect(share, part).toBeGreaterThan(0)
  expect(completedPerSecond).toBeGreaterThan(0)
})

test('what comes slower than it is served is picked up at once; what comes faster falls behind', () => {
  const calm = simulate(SMALL, { perSecond: 20, executes: true, untilMs: 10_000 }, times)
  expect(calm.startedPerSecond).toBeGreaterThan(15)
  expect(calm.pickupMs?.p50).toBeLessThan(50)
  const flooded = simulate(SMALL, { perSecond: 2000, executes: true, untilMs: 1000 }, times)
  expect(flooded.startedPerSecond).toBeLessThan(1500)
  expect(Math.max(...Object.values(flooded.busy))).toBeGreaterThan(0.9)
})

test('a set-up is sized so that no part is busy for more than 70 % of the time', () => {
  const setup = setupFor(300, QUIET, { daemons: 2, integrations: 10 })
  const { busy, startedPerSecond } = simulate(setup, { perSecond: 300, executes: true, untilMs: 5000 }, times)
  expect(startedPerSecond).toBeGreaterThan(270)
  for (const [part, share] of Object.entries(busy)) expect(share, part).toBeLessThan(0.78)
})

test('the service times are the medians of what the bench measured on PostgreSQL', () => {
  const round = (figures: Record<string, number>) => [{ at: '', seconds: 1, foreignCores: 0, figures }]
  const rounds = {
    [keyOf('create', 'postgresql')]: round({ mainMsPerTask: 3, postgresMsPerTask: 1 }),
    [keyOf('dispatch', 'postgresql')]: round({
      ...{ mainMsPerTask: 1, postgresMsPerTask: 0.5, dispatcherMsPerTask: 2, temporalMsPerTask: 5 },
      tasksPerSecond: 200,
      ...{ bareStartsPerSecond: 300, bareMachineMsPerStart: 6 },
    }),
    [keyOf('claim', 'postgresql')]: round({ inBatchMainMs: 0.4 }),
    [keyOf('life', 'postgresql')]: round({
      ...{ restOfLifeMainMs: 6, restOfLifePostgresMs: 3, daemonMsPerLife: 14, temporalMsPerLife: 25 },
      ...{ completedPerSecond: 30, bareBusyCores: 1.7 },
    }),
    [keyOf('idle', 'postgresql')]: round({ mainCores: 0.05, postgresCores: 0.02, parkedRequests: 50 }),
  }
  const measured = measuredBy({ rounds })
  expect(measured).toMatchObject({
    cleanRounds: 1,
    busyCores: { starting: 1.8, completing: 1.7 },
    claimedInBatch: 0.4,
    reached: { dispatchedPerSecond: 200, completedPerSecond: 30 },
  })
  expect(measured && serviceTimes(measured)).toMatchObject({
    claimRequest: { main: (1 - 0.4) * 0.75 * 64 },
    activity: { daemon: 3, temporal: 5 },
    report: { main: 2, postgres: 1 },
    parked: { main: 1, postgres: 0.4 },
  })
  expect(measuredBy({ rounds: { ...rounds, [keyOf('claim', 'postgresql')]: [] } })).toBeUndefined()
})
