/** What is measured. Each measure looks at a system of its own, between two looks at the bare yardstick. */
import { setTimeout as delay } from 'node:timers/promises'
import pLimit from 'p-limit'
import { type Bare, measureBare } from './bare.js'
import { readMachineTime, residentMegabytes, type UsedTime, usedBetween } from './machine-time.js'
import { median, percentile } from './statistics.js'
import { BenchSystem, type DatabaseKind } from './system.js'

const REQUEST = { kind: 'simple', message: 'bench' }
const OF_MAIN = "TaskQueue = 'integration-test-async-task-queue'"
const LOOK_EVERY_MS = 100
const START_LIMIT_MS = 300_000
/** How long what has just started is left alone before it counts as idle. */
const SETTLE_MS = 5_000
const IDLE_MS = 10_000

export interface Size {
  /** Tasks of a round. */
  tasks: number
  database: DatabaseKind
}

/** Figures by name; each name ends with its unit, or tells what it is a ratio of. */
export type Figures = Record<string, number>

export type Measure = (size: Size) => Promise<Figures>

/** Tasks that wait are claimed and started, as fast as the defaults allow. */
const dispatch: Measure = (size) =>
  betweenBare(size, async (system) => {
    await createTasks(system, size.tasks, 16)
    const dispatcher = await system.startDispatcher()
    const parts = { dispatcher: dispatcher.pid, main: system.main.pid }
    const first = Math.min(...(await untilStarted(system, 1)).values())
    const before = readMachineTime(parts)
    const already = (await untilStarted(system, 1)).size
    const starts = await untilStarted(system, size.tasks)
    const used = usedBetween(before, readMachineTime(parts))
    const count = size.tasks - already
    const tasksPerSecond = (1000 * (size.tasks - 1)) / (Math.max(...starts.values()) - first)
    await dispatcher.stop()
    return (bare) => ({
      tasksPerSecond,
      toBare: tasksPerSecond / bare.startsPerSecond,
      machineMsPerTask: used.all / count,
      machineToBare: used.all / count / bare.machineMsPerStart,
      dispatcherToBareClient: (used.byPart.dispatcher ?? 0) / count / bare.clientMsPerStart,
      ...perTask(used.byPart, count),
      foreignCores: used.foreignCores,
    })
  })

/** Tasks are created one after another: how long after the create's answer, and its request, has each been started. */
const pickup: Measure = (size) =>
  betweenBare(size, async (system) => {
    const dispatcher = await system.startDispatcher()
    // The first one finds out what main offers.
    await createTasks(system, 1, 1)
    await untilStarted(system, 1)
    const created: Array<{ id: string; askedAt: number; answeredAt: number }> = []
    const pending: Promise<unknown>[] = []
    for (let index = 0; index < size.tasks; index += 1) {
      const askedAt = Date.now()
      pending.push(
        system.tasks.create('test', REQUEST).then((id) => created.push({ id, askedAt, answeredAt: Date.now() })),
      )
      await delay(Math.random() * 50)
    }
    await Promise.all(pending)
    const starts = await untilStarted(system, size.tasks + 1)
    await dispatcher.stop()
    const fromAnswer = created.map(({ id, answeredAt }) => Math.max(0, (starts.get(id) ?? Number.NaN) - answeredAt))
    const fromRequest = created.map(({ id, askedAt }) => (starts.get(id) ?? Number.NaN) - askedAt)
    return (bare) => ({
      fromAnswerP50Ms: median(fromAnswer),
      fromAnswerP99Ms: percentile(fromAnswer, 0.99),
      fromRequestP50Ms: median(fromRequest),
      fromAnswerP50ToBareStart: median(fromAnswer) / bare.startMs,
      fromRequestP50ToBareStart: median(fromRequest) / bare.startMs,
    })
  })

/** Tasks are created over HTTP, over fifty connections. */
const create: Measure = async (size) => {
  const system = await BenchSystem.start(size.database)
  try {
    await createTasks(system, 20, 5)
    const parts = { main: system.main.pid }
    const before = readMachineTime(parts)
    const times = await createTasks(system, size.tasks, 50)
    const after = readMachineTime(parts)
    const used = usedBetween(before, after)
    return {
      tasksPerSecond: (1000 * size.tasks) / (after.at - before.at),
      p50Ms: median(times),
      p99Ms: percentile(times, 0.99),
      ...perTask(used.byPart, size.tasks),
      foreignCores: used.foreignCores,
    }
  } finally {
    await system.stop()
  }
}

/** Main and the daemon as people start them: how long until ready, and what they take while there is nothing to do. */
const start: Measure = async ({ database }) => {
  const system = await BenchSystem.start(database)
  const { stack } = system
  try {
    await system.main.stop()
    const [main, mainReadyMs] = await timed(() => stack.startMain())
    const [daemon, daemonReadyMs] = await timed(() => stack.startDaemon())
    await delay(SETTLE_MS)
    const parts = { main: main.pid, daemon: daemon.pid }
    const before = readMachineTime(parts)
    await delay(IDLE_MS)
    const { byPart, foreignCores } = usedBetween(before, readMachineTime(parts))
    return {
      mainReadyMs,
      daemonReadyMs,
      mainMegabytes: residentMegabytes(main.pid),
      daemonMegabytes: residentMegabytes(daemon.pid),
      mainIdleCores: (byPart.main ?? 0) / IDLE_MS,
      daemonIdleCores: (byPart.daemon ?? 0) / IDLE_MS,
      foreignCores,
    }
  } finally {
    await system.stop()
  }
}

export const MEASURES = { dispatch, pickup, create, start } satisfies Record<string, Measure>

/** @param look gives figures once the yardstick of before and after is known */
async function betweenBare(
  { tasks, database }: Size,
  look: (system: BenchSystem) => Promise<(bare: Bare) => Figures>,
): Promise<Figures> {
  const system = await BenchSystem.start(database)
  try {
    const before = await measureBare(system.temporal, tasks)
    const figures = await look(system)
    const after = await measureBare(system.temporal, tasks)
    const bare = mean(before, after)
    return { ...figures(bare), bareStartsPerSecond: bare.startsPerSecond, bareStartMs: bare.startMs }
  } finally {
    await system.stop()
  }
}

function mean(one: Bare, other: Bare): Bare {
  const entries = Object.entries(one).map(([name, value]) => [name, (value + other[name as keyof Bare]) / 2])
  return Object.fromEntries(entries) as unknown as Bare
}

/** Gives how long each create took, in milliseconds. */
async function createTasks({ tasks }: BenchSystem, count: number, connections: number): Promise<number[]> {
  const limit = pLimit(connections)
  return Promise.all(
    Array.from({ length: count }, () => limit(async () => (await timed(() => tasks.create('test', REQUEST)))[1])),
  )
}

/** Resolves once main's tasks have so many workflows. Gives when each was started, by task, in Unix milliseconds. */
async function untilStarted({ temporal }: BenchSystem, count: number): Promise<Map<string, number>> {
  const deadline = Date.now() + START_LIMIT_MS
  for (;;) {
    const starts = new Map<string, number>()
    for await (const { workflowId, startTime } of temporal.workflow.list({ query: OF_MAIN })) {
      const taskKey = workflowId.split(':')[2]
      if (taskKey !== undefined) starts.set(taskKey, startTime.getTime())
    }
    if (starts.size >= count) return starts
    if (Date.now() > deadline) throw new Error(`only ${starts.size} of ${count} workflows were started in time`)
    await delay(LOOK_EVERY_MS)
  }
}

async function timed<T>(work: () => Promise<T>): Promise<[result: T, ms: number]> {
  const from = performance.now()
  return [await work(), performance.now() - from]
}

/** Milliseconds of a processor for each task, by part. */
function perTask(byPart: UsedTime['byPart'], count: number): Figures {
  return Object.fromEntries(
    ['main', 'postgres', 'temporal', 'dispatcher'].flatMap((part) =>
      byPart[part] === undefined ? [] : [[`${part}MsPerTask`, byPart[part] / count]],
    ),
  )
}
