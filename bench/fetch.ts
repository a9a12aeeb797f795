/**
 * What it costs to fetch tasks behind a million that may not be claimed, against fetching with none of them:
 * `npm run bench:fetch`, or with another number of rows: `npm run bench:fetch -- 100000`.
 */
import pino from 'pino'
import { loadConfig } from '@/config/load.js'
import { callEntityNames } from '@/integrations/shared/call-entities.js'
import { databaseOf, physicalEntity, reading } from '@/integrations/shared/database.js'
import { API_CALL_FIELDS, selectTasks } from '@/integrations/shared/fetchPendingTasksAPI.js'
import { type MainComponent, startMainComponent } from '@/main-component/index.js'
import { startPostgres } from '@/tests/support/postgres.js'
import { multiplyTask } from '@/tests/support/rows.js'
import { events, plantTask } from '@/tests/support/tasks.js'

const NAMES = callEntityNames('TestAsyncTask')
const MOST = 1.5
const FETCHES = 300

async function main(rows: number): Promise<void> {
  const postgres = await startPostgres()
  try {
    const ratios = [
      ...(await onDatabase('PostgreSQL', rows, await postgres.createDatabase())),
      ...(await onDatabase('PGLite', rows)),
    ]
    if (ratios.some((ratio) => ratio > MOST)) process.exitCode = 1
  } finally {
    await postgres.stop()
  }
}

async function onDatabase(title: string, rows: number, url?: string): Promise<number[]> {
  const config = loadConfig({ mode: 'local', component: 'main' })
  const { main } = config.components
  const database = { dataDir: 'memory://', ...(url !== undefined && { url }) }
  const component = await startMainComponent({
    config: { ...config, components: { ...config.components, main: { ...main, port: 0, database } } },
    internalTokens: [],
    logger: pino({ level: 'silent' }),
  })
  try {
    const now = Date.now() / 1000
    const { controller } = component
    for (let i = 0; i < 10; i += 1) await plantTask(controller, { createdAt: now + i })
    const one = { events: [events.queued(1, now + 3600)] }
    await plantTask(controller, one)
    await databaseOf(controller).scheme('VACUUM ANALYZE')
    for (const max of [1, Number.POSITIVE_INFINITY]) await cost(component, max)
    // Capacity is one, and one is in flight: nothing pending may be claimed.
    const none = [await cost(component, Number.POSITIVE_INFINITY), await cost(component, 1)] as const
    const delayed = await plantTask(controller, { createdAt: 1, state: { dueAt: now + 1e6 } })
    await multiplyTask(controller, NAMES, delayed, rows)
    const notDue = await cost(component, Number.POSITIVE_INFINITY)
    const pending = await plantTask(controller, { createdAt: 2 })
    await multiplyTask(controller, NAMES, pending, rows)
    const full = await cost(component, 1)
    const late = await cost(component, Number.POSITIVE_INFINITY)
    const figures = [
      { behind: 'not due', none: none[0], with: notDue, ratio: notDue / none[0] },
      { behind: 'at capacity', none: none[1], with: full, ratio: full / none[1] },
      { behind: 'not due, among as many that are', none: none[0], with: late, ratio: late / none[0] },
    ]
    for (const { behind, none, with: cost, ratio } of figures) {
      const ms = (value: number) => `${value.toFixed(2)} ms`
      process.stdout.write(
        `${title}, ${rows} ${behind}: ${ms(none)} with none, ${ms(cost)}: ${ratio.toFixed(2)} times\n`,
      )
    }
    return figures.map(({ ratio }) => ratio)
  } finally {
    await component.stop()
  }
}

/** The median of many fetches by the statement that main sends, in milliseconds. */
async function cost({ controller }: MainComponent, maxTasksInFlight: number): Promise<number> {
  const entity = physicalEntity(controller, NAMES.apiCall)
  const limits = { limit: 10, maxAttempts: 5, stuckTimeoutSeconds: 300, maxTasksInFlight }
  const sql = selectTasks(entity, API_CALL_FIELDS, limits)
  const times: number[] = []
  for (let i = 0; i < FETCHES; i += 1) {
    const from = performance.now()
    await reading(controller, 'fetch', () => databaseOf(controller).query(sql, []))
    times.push(performance.now() - from)
  }
  return times.sort((a, b) => a - b)[FETCHES / 2] ?? 0
}

await main(Number(process.argv[2] ?? 1_000_000))
