/**
 * The cost of a fetch beside a million tasks that cannot be claimed, compared to a fetch without them: `npm run
 * bench:fetch`, or with another number of rows: `npm run bench:fetch -- 100000`.
 */
import pino from 'pino'
import { application } from '@/application.js'
import { loadConfig } from '@/config/load.js'
import { type MainComponent, startMainComponent } from '@/main-component/index.js'
import { API_CALL_FIELDS, selectTasks } from '@/tasks/apis/fetch-pending-tasks.js'
import { databaseOf, physicalEntity, reading } from '@/tasks/database/sql.js'
import { callEntityNames } from '@/tasks/entities.js'
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
      ...(await onDatabase('PostgreSQL', rows, [await postgres.createDatabase(), await postgres.createDatabase()])),
      ...(await onDatabase('PGLite', rows)),
    ]
    if (ratios.some((ratio) => ratio > MOST)) process.exitCode = 1
  } finally {
    await postgres.stop()
  }
}

/** Two mains, each with its own database, asked in turns: the machine's other load affects both. */
async function onDatabase(title: string, rows: number, urls?: [string, string]): Promise<number[]> {
  const [empty, full] = [await start(urls?.[0]), await start(urls?.[1])]
  try {
    const ratios: number[] = []
    const measure = async (behind: string, maxTasksInFlight: number) => {
      const [none, many] = await costs([empty, full], maxTasksInFlight)
      const ratio = many / none
      process.stdout.write(
        `${title}, ${rows} ${behind}: ${none.toFixed(2)} ms with none, ${many.toFixed(2)} ms: ${ratio.toFixed(2)} times\n`,
      )
      ratios.push(ratio)
    }
    const delayed = await plantTask(full.controller, { createdAt: 1, state: { dueAt: 4e9 } })
    await multiplyTask(full.controller, NAMES, delayed, rows)
    await measure('that are not due', Number.POSITIVE_INFINITY)
    const pending = await plantTask(full.controller, { createdAt: 2 })
    await multiplyTask(full.controller, NAMES, pending, rows)
    // The capacity is one, and one task is in flight: no pending task may be claimed.
    await measure('at capacity, and as many that are not due', 1)
    return ratios
  } finally {
    await Promise.all([empty.stop(), full.stop()])
  }
}

/** A main with ten claimable tasks, and one in flight. */
async function start(url?: string): Promise<MainComponent> {
  const config = loadConfig({ mode: 'local', component: 'main' })
  const { main } = config.components
  const database = { dataDir: 'memory://', ...(url !== undefined && { url }) }
  const component = await startMainComponent({
    application,
    config: { ...config, components: { ...config.components, main: { ...main, port: 0, database } } },
    internalTokens: [],
    logger: pino({ level: 'silent' }),
  })
  const { controller } = component
  const now = Date.now() / 1000
  for (let i = 0; i < 10; i += 1) await plantTask(controller, { createdAt: now + i })
  await plantTask(controller, { events: [events.queued(1, 4e9)] })
  await databaseOf(controller).scheme('VACUUM ANALYZE')
  return component
}

/** The medians, in milliseconds, of many fetches with main's own statement. */
async function costs(mains: [MainComponent, MainComponent], maxTasksInFlight: number): Promise<[number, number]> {
  const limits = { limit: 10, maxAttempts: 5, stuckTimeoutSeconds: 300, maxTasksInFlight }
  const times: [number[], number[]] = [[], []]
  for (let i = 0; i < FETCHES * 2; i += 1) {
    const which = i % 2 === 0 ? 0 : 1
    const { controller } = mains[which]
    const sql = selectTasks(physicalEntity(controller, NAMES.apiCall), API_CALL_FIELDS, limits)
    const from = performance.now()
    await reading(controller, 'fetch', () => databaseOf(controller).query(sql, []))
    times[which].push(performance.now() - from)
  }
  const median = (values: number[]) => values.sort((a, b) => a - b)[FETCHES / 2] ?? 0
  return [median(times[0]), median(times[1])]
}

await main(Number(process.argv[2] ?? 1_000_000))
