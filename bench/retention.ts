/**
 * What removing a million ended tasks does to others on PostgreSQL: `npm run bench:retention`, or with another number of
 * rows: `npm run bench:retention -- 100000`.
 */
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import pino from 'pino'
import { loadConfig } from '@/config/load.js'
import { callEntityNames } from '@/integrations/shared/call-entities.js'
import { removeEndedTasks } from '@/integrations/shared/retention.js'
import { startMainComponent } from '@/main-component/index.js'
import { startPostgres } from '@/tests/support/postgres.js'
import { multiplyTask } from '@/tests/support/rows.js'
import { events, plantTask } from '@/tests/support/tasks.js'

const NAMES = callEntityNames('TestAsyncTask')
const MOST_MS = 100
const LOOK_EVERY_MS = 5

/** Transactions that hold a lock somebody else's write could wait for, and since when. */
const LOCKS = `SELECT extract(epoch FROM clock_timestamp() - a.xact_start) * 1000 AS ms FROM pg_stat_activity a
  WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.xact_start IS NOT NULL
  AND a.backend_type = 'client backend'
  AND EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid AND l.granted AND l.mode = 'RowExclusiveLock')`

async function main(rows: number): Promise<void> {
  const postgres = await startPostgres()
  const url = await postgres.createDatabase()
  const config = loadConfig({ mode: 'local', component: 'main' })
  const { main } = config.components
  const component = await startMainComponent({
    config: {
      ...config,
      components: { ...config.components, main: { ...main, port: 0, database: { ...main.database, url } } },
    },
    internalTokens: [],
    logger: pino({ level: 'silent' }),
  })
  const { controller } = component
  const watcher = new pg.Client({ connectionString: url })
  await watcher.connect()
  try {
    const old = [events.queued(1, 1000), events.processing(1), { ...events.completed(1), at: 1000 }]
    await multiplyTask(controller, NAMES, await plantTask(controller, { events: old }), rows)
    let longest = 0
    let over = false
    const watching = (async () => {
      while (!over) {
        const { rows: held } = await watcher.query<{ ms: string }>(LOCKS)
        longest = Math.max(longest, ...held.map(({ ms }) => Number(ms)))
        await delay(LOOK_EVERY_MS)
      }
    })()
    let removed = 0
    const batches: number[] = []
    for (let batch = 1; batch > 0; removed += batch) {
      const from = performance.now()
      batch = await removeEndedTasks(controller, NAMES, { completed: 2000 })
      batches.push(performance.now() - from)
    }
    over = true
    await watching
    batches.sort((a, b) => a - b)
    const quantile = (share: number) => (batches[Math.floor((batches.length - 1) * share)] ?? 0).toFixed(1)
    process.stdout.write(
      `${removed} removed; batches ${quantile(0.5)} ms, 99 % within ${quantile(0.99)} ms, longest ${quantile(1)} ms;` +
        ` the longest that locks were seen held is ${longest.toFixed(1)} ms\n`,
    )
    if (longest > MOST_MS) process.exitCode = 1
  } finally {
    await watcher.end()
    await component.stop()
    await postgres.stop()
  }
}

await main(Number(process.argv[2] ?? 1_000_000))
