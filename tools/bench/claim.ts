/**
 * What a claim costs main on PostgreSQL: alone, in a batch through interaqt's storage, and in a batch that is written
 * set-based. `npm run bench:claim`, or with another size of a batch: `npm run bench:claim -- 8`. The ways take turns, so
 * that the machine's other load affects all of them.
 */
import { randomUUID } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import pino from 'pino'
import { application } from '@/application.js'
import { loadConfig } from '@/config/load.js'
import { startMainComponent } from '@/main-component/index.js'
import { DEFAULT_TASK_POLICY } from '@/protocol/index.js'
import { claimBatch } from '@/tasks/claim-batch.js'
import { databaseOf, inTransaction } from '@/tasks/database/sql.js'
import { callEntityNames } from '@/tasks/entities.js'
import { EventLog } from '@/tasks/event-log.js'
import { TaskStore } from '@/tasks/task-store.js'
import { startPostgres } from '@/tests/support/postgres.js'
import { multiplyTask } from '@/tests/support/rows.js'
import { plantTask } from '@/tests/support/tasks.js'
import { median } from './statistics.js'

const NAMES = callEntityNames('TestAsyncTask')
const TURNS = 30

interface Cost {
  perSecond: number
  mainMs: number
  statements: number
}

async function main(limit: number): Promise<void> {
  const postgres = await startPostgres()
  const config = loadConfig({ mode: 'local', component: 'main' })
  const database = { dataDir: '', url: await postgres.createDatabase() }
  const component = await startMainComponent({
    config: { ...config, components: { ...config.components, main: { ...config.components.main, port: 0, database } } },
    application,
    internalTokens: [],
    logger: pino({ level: 'silent' }),
  })
  try {
    const { controller } = component
    const rules = { policy: DEFAULT_TASK_POLICY }
    const store = new TaskStore(controller, NAMES, rules)
    await multiplyTask(controller, NAMES, await plantTask(controller), 4 * TURNS * limit)
    await databaseOf(controller).scheme('VACUUM ANALYZE')
    const statements = countStatements(databaseOf(controller))

    const inBatch = (listened: boolean) => async () => {
      const log = new EventLog(store, listened)
      const batch = { claimId: randomUUID(), limit }
      const { tasks } = await inTransaction(controller, 'bench', () => claimBatch(store, rules, log, batch))
      return tasks.length
    }
    const one = async () => {
      const [{ id } = { id: '' }] = await store.query<{ id: string }>(
        `SELECT ${store.calls.column('id')} AS id FROM ${store.calls.table} WHERE ${store.calls.column('status')} = 'pending' LIMIT 1`,
        [],
      )
      return Number((await store.carryOut(String(id), { from: 'processor', status: 'queued' }))?.answer.ok)
    }
    const ways: Record<string, () => Promise<number>> = {
      'alone, set-based': one,
      [`${limit} at once, through interaqt`]: inBatch(true),
      [`${limit} at once, set-based`]: inBatch(false),
    }
    const costs: Record<string, Cost[]> = {}
    for (let turn = 0; turn < TURNS; turn += 1) {
      for (const [name, claim] of Object.entries(ways)) {
        const [from, cpu, asked] = [performance.now(), process.cpuUsage(), statements.count]
        const claimed = await claim()
        const used = process.cpuUsage(cpu)
        costs[name] ??= []
        costs[name].push({
          perSecond: (1000 * claimed) / (performance.now() - from),
          mainMs: (used.user + used.system) / 1000 / claimed,
          statements: (statements.count - asked) / claimed,
        })
      }
    }
    for (const [name, of] of Object.entries(costs)) {
      const middle = (read: (cost: Cost) => number) => median(of.map(read))
      console.log(
        `${name}: ${middle(({ perSecond }) => perSecond).toFixed(0)} claims/s, main ${middle(({ mainMs }) => mainMs).toFixed(2)} ms and ${middle(({ statements }) => statements).toFixed(2)} statements each`,
      )
    }
  } finally {
    await component.stop()
    await postgres.stop()
  }
}

type Counted = Record<'query' | 'insert' | 'update', (...args: never[]) => unknown>

/** BEGIN and COMMIT are not counted: they go past the driver's own methods. */
function countStatements(database: object): { count: number } {
  const statements = { count: 0 }
  const counted = database as Counted
  for (const name of ['query', 'insert', 'update'] as const) {
    const method = counted[name].bind(database)
    counted[name] = (...args) => {
      statements.count += 1
      return method(...args)
    }
  }
  return statements
}

await main(Number(process.argv[2] ?? 32))
