/** One chaos run: start everything, create tasks while faults happen, wait for the end, question the witnesses. */
import { setMaxListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { type CreatedTask, createTasks } from './load.js'
import { type ChaosReport, summarize } from './report.js'
import { type FaultKind, scheduleFaults } from './schedule.js'
import { FAULT_SHARE } from './settings.js'
import { type InflictedFault, Injector } from './system/injector.js'
import { ChaosSystem } from './system/system.js'
import { type PlannedTask, planTasks } from './tasks.js'
import { acceptedReports, judgeAnswers } from './witnesses/answers.js'
import { judgeCreates, readCreates } from './witnesses/ark.js'
import { claimsOf, judgeClaims } from './witnesses/claims.js'
import { countTasks, KINDS, type Query, readTasks, type StoredTask } from './witnesses/database.js'
import { judgeEndings } from './witnesses/endings.js'
import { judgeEvents } from './witnesses/event-table.js'
import { judgeExecutions, readExecutions } from './witnesses/temporal.js'
import type { Violation } from './witnesses/violation.js'

export interface ChaosOptions {
  tasks: number
  daemons: number
  mains: number
  seed: number
  /** The time limit, from when everything runs. Tasks are created and faults begin within a share of it. */
  minutes: number
  /** More time for everything to become final, for a run on a machine of any speed. Default: none. */
  patienceMinutes?: number
  /** Kinds of faults to leave out. */
  without?: readonly FaultKind[]
  /** Whether a fault of claims begins with each other fault. */
  claims?: boolean
  /** Holds logs, results and Temporal's data. */
  folder: string
  /** Called with each line of progress. */
  say: (line: string) => void
}

/** Longer than a daemon pauses while main cannot be reached, and a request takes. */
const CLAIMERS_ASK_WITHIN_MS = 15_000
const LOOK_EVERY_MS = 2_000
const SAY_EVERY_MS = 10_000

/** Resolves when every task is final and every fault over, or at the time limit. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const { say } = options
  say(`starting ${options.mains} mains, ${options.daemons} daemons, PostgreSQL, Temporal and the simulators`)
  const system = await ChaosSystem.start(options)
  try {
    const report = await hearWitnesses(system, await disturb(system, options))
    const exits = [...system.mains, ...system.daemons].filter((process) => process.exits > 0)
    for (const { name, exits: count } of exits) say(`${name} ended by itself ${count} times and was started again`)
    return report
  } finally {
    await system.stop()
  }
}

interface Disturbed {
  planned: PlannedTask[]
  created: CreatedTask[]
  faults: InflictedFault[]
}

async function disturb(system: ChaosSystem, options: ChaosOptions): Promise<Disturbed> {
  const { seed, tasks: count, daemons, mains, minutes, patienceMinutes = 0, without = [], claims = false } = options
  const limitMs = (minutes + patienceMinutes) * 60_000
  const windowMs = minutes * 60_000 * FAULT_SHARE
  const startedAt = Date.now()
  const say = (line: string) => options.say(`${seconds(Date.now() - startedAt)}  ${line}`)
  const over = new AbortController()
  const { signal } = over
  // Every task that is being created waits for it.
  setMaxListeners(0, signal)
  const limit = setTimeout(() => over.abort(), limitMs)
  const query: Query = (sql, params) => system.postgres.query(sql, params)

  const planned = planTasks(seed, count, windowMs)
  const created: CreatedTask[] = []
  const injector = new Injector(system, seed, say)
  const loading = createTasks({
    mainUrls: system.mainUrls,
    tasks: planned,
    onCreated: (task) => created.push(task),
    signal,
  })
  const injecting = injector.run(scheduleFaults({ seed, daemons, mains, windowMs, without, claims }), signal)
  const followed = followTasks(query, () => created.length === count, say, signal)
  await Promise.all([loading, injecting, followed]).finally(() => clearTimeout(limit))
  if (injector.errors.length > 0) throw new AggregateError(injector.errors, 'the harness failed, and proves nothing')
  if (created.length < count) throw new Error(`only ${created.length} of ${count} tasks could be created in time`)
  return { planned, created, faults: injector.inflicted }
}

/** Resolves once all tasks are there and final, or by the signal. The database may be away meanwhile. */
async function followTasks(
  query: Query,
  allCreated: () => boolean,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  for (let saidAt = Date.now(); !signal.aborted; ) {
    await delay(LOOK_EVERY_MS, undefined, { signal }).catch(() => {})
    const complete = allCreated()
    const counts = await countTasks(query).catch(() => null)
    if (counts === null) continue
    const done = complete && counts.final === counts.all
    if (!done && Date.now() < saidAt + SAY_EVERY_MS) continue
    saidAt = Date.now()
    const statuses = Object.entries(counts.byStatus).map(([status, tasks]) => `${tasks} ${status}`)
    say(`${counts.final} of ${counts.all} tasks are final: ${statuses.join(', ') || 'none yet'}`)
    if (done) return
  }
}

async function hearWitnesses(system: ChaosSystem, { planned, created, faults }: Disturbed): Promise<ChaosReport> {
  // First: the tables, which are read next, need not contain what is answered from here on.
  const reports = acceptedReports(system.proxies('main').flatMap((proxy) => proxy.exchanges))
  const tasks = await readTasks((sql, params) => system.postgres.query(sql, params))
  const [executions, creates] = await Promise.all([
    readExecutions(system.temporal.address),
    readCreates(
      system.arkUrl,
      system.proxies('ark').flatMap((proxy) => proxy.exchanges),
    ),
  ])
  const violations: Violation[] = [
    ...judgeEndings(planned, created, tasks),
    ...judgeExecutions(executions),
    ...(await judgeClaimsSoon(system, tasks, faults)),
    ...judgeCreates(tasks, creates),
    ...tasks.flatMap((task) => {
      const { violations: inTable, spans } = judgeEvents(task)
      return [...inTable, ...judgeAnswers(task, spans, reports.get(`${KINDS[task.kind].namespace}:${task.id}`) ?? [])]
    }),
  ]
  return { summary: summarize(tasks, faults, violations), violations, faults, tasks }
}

/** All may be final while a claimer whose route was cut has not asked again, as its tasks were taken over. */
async function judgeClaimsSoon(
  system: ChaosSystem,
  tasks: readonly StoredTask[],
  faults: InflictedFault[],
): Promise<Violation[]> {
  const until = Date.now() + CLAIMERS_ASK_WITHIN_MS
  for (;;) {
    const violations = judgeClaims(tasks, claimsOf(system.daemonProxies, faults))
    if (violations.length === 0 || Date.now() > until) return violations
    await delay(LOOK_EVERY_MS)
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(0).padStart(4)} s`
}
