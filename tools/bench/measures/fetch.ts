/**
 * Fetching and claiming beside a million rows, compared with a thousand: rows that have ended, that are not due, that are
 * due, and that may not be claimed because the capacity is used up, one kind after another. Two mains, each with its own database, are asked in
 * turns: the machine's other load affects both.
 */
import { randomUUID } from 'node:crypto'
import type { MainComponent } from '../../../main-component/index.js'
import { DEFAULT_TASK_POLICY } from '../../../protocol/index.js'
import { API_CALL_FIELDS, selectTasks } from '../../../tasks/apis/fetch-pending-tasks.js'
import { claimBatch } from '../../../tasks/claim-batch.js'
import { databaseOf, inTransaction, physicalEntity, reading } from '../../../tasks/database/sql.js'
import { callEntityNames } from '../../../tasks/entities.js'
import { EventLog } from '../../../tasks/event-log.js'
import { TaskStore } from '../../../tasks/task-store.js'
import { events, plantTask } from '../../../tests/support/tasks.js'
import { withMains } from '../in-process.js'
import { plantMany } from '../many-rows.js'
import type { Figures, Measure } from '../measure.js'
import { median } from '../statistics.js'
import { DATABASES } from '../system.js'

const NAMES = callEntityNames('TestAsyncTask')
const FEW = 1000
const TURNS = 100
const LIMIT = 10
/** Tasks whose whole life is measured, claimed in batches of as many. */
const LIVES = 32

type Mains = [few: MainComponent, many: MainComponent]

export const fetch: Measure = {
  title: `Fetching and claiming beside 1,000,000 rows, compared with ${FEW}`,
  databases: DATABASES,
  once: true,
  run: ({ database, rows }) =>
    withMains(database, 2, async (started) => {
      const mains = started as Mains
      const figures: Figures = {}
      const plant = async (task: Parameters<typeof plantTask>[1]) => {
        for (const [index, { controller }] of mains.entries())
          await plantMany(controller, await plantTask(controller, task), index === 0 ? FEW : rows)
      }
      const compare = async (beside: string, maxTasksInFlight?: number) => {
        figures[`fetch${beside}ToFew`] = await ratio(mains, (main) => fetchOnce(main, maxTasksInFlight))
        figures[`claim${beside}ToFew`] = await ratio(mains, (main) => claimAndUndo(main, maxTasksInFlight))
      }
      const now = Date.now() / 1000
      for (const { controller } of mains) {
        for (let index = 0; index < LIMIT; index += 1) await plantTask(controller, { createdAt: now + index })
        await plantTask(controller, { events: [events.queued(1, 4e9)] })
      }
      await plant({ events: [events.queued(1, 1), events.processing(1), events.completed(1)] })
      await compare('Final')
      await plant({ createdAt: 1, state: { dueAt: 4e9 } })
      await compare('NotDue')
      await plant({ createdAt: 2 })
      await compare('Due')
      // One task is in flight: no pending one may be claimed.
      await compare('AtCapacity', 1)
      figures.lifeToFew = await ratio(mains, lives, 5)
      return figures
    }),
}

/** Of the medians. */
async function ratio(mains: Mains, work: (main: MainComponent) => Promise<void>, turns = TURNS): Promise<number> {
  const times: number[][] = [[], []]
  for (let turn = 0; turn < 2 * turns; turn += 1) {
    const which = turn % 2 === 0 ? 0 : 1
    const from = performance.now()
    await work(mains[which])
    // The first ones prepare statements.
    if (turn >= turns / 5) times[which]?.push(performance.now() - from)
  }
  return median(times[1] ?? []) / median(times[0] ?? [])
}

async function fetchOnce({ controller }: MainComponent, maxTasksInFlight = Number.POSITIVE_INFINITY): Promise<void> {
  const limits = { limit: LIMIT, maxAttempts: 5, stuckTimeoutSeconds: 300, maxTasksInFlight }
  const sql = selectTasks(physicalEntity(controller, NAMES.apiCall), API_CALL_FIELDS, limits)
  await reading(controller, 'fetch', () => databaseOf(controller).query(sql, []))
}

class Undone extends Error {}

/** The same tasks can be claimed once more. */
async function claimAndUndo(main: MainComponent, maxTasksInFlight?: number): Promise<void> {
  await claimSome(main, LIMIT, maxTasksInFlight, () => {
    throw new Undone()
  }).catch((error) => {
    if (!(error instanceof Undone)) throw error
  })
}

/** Claims tasks, and carries out what their runs report. */
async function lives(main: MainComponent): Promise<void> {
  const { store, tasks } = await claimSome(main, LIVES)
  const run = { attempt: 1, runId: 'run-of-a-bench-0123456789' }
  for (const { id } of tasks) {
    await store.carryOut(id, { from: 'run', status: 'begin', ...run })
    await store.carryOut(id, { from: 'run', status: 'processing', ...run })
    await store.carryOut(id, { from: 'run', status: 'completed', ...run, result: { success: true, steps: [] } })
  }
}

async function claimSome({ controller }: MainComponent, limit: number, maxTasksInFlight?: number, last = () => {}) {
  const rules = { policy: DEFAULT_TASK_POLICY, ...(maxTasksInFlight !== undefined && { maxTasksInFlight }) }
  const store = new TaskStore(controller, NAMES, rules)
  const batch = { claimId: randomUUID(), limit }
  const { tasks } = await inTransaction(controller, 'bench', async () => {
    const claimed = await claimBatch(store, rules, new EventLog(store, false), batch)
    last()
    return claimed
  })
  return { store, tasks }
}
