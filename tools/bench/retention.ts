/**
 * How removing a million ended tasks affects other clients on PostgreSQL: `npm run bench:retention`, or with another
 * number of rows: `npm run bench:retention -- 100000`. A second client keeps asking for the lock of the next row to be
 * removed, as a request about that task would; its longest wait is the cost for others.
 */
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import pino from 'pino'
import { application } from '@/application.js'
import { loadConfig } from '@/config/load.js'
import { startMainComponent } from '@/main-component/index.js'
import { inShortBatches } from '@/main-component/retention.js'
import { physicalEntity } from '@/tasks/database/sql.js'
import { removeEndedTasks } from '@/tasks/ended-tasks.js'
import { callEntityNames } from '@/tasks/entities.js'
import { TaskReader } from '@/tasks/task-reader.js'
import { startPostgres } from '@/tests/support/postgres.js'
import { multiplyTask } from '@/tests/support/rows.js'
import { events, plantTask } from '@/tests/support/tasks.js'

const NAMES = callEntityNames('TestAsyncTask')
const MOST_MS = 100
const LOOK_EVERY_MS = 5

/** How long transactions have held a lock for which another's write could wait. */
const HELD = `SELECT extract(epoch FROM clock_timestamp() - a.xact_start) * 1000 AS ms FROM pg_stat_activity a
  WHERE a.datname = current_database() AND a.application_name <> 'bench' AND a.xact_start IS NOT NULL
  AND a.backend_type = 'client backend'
  AND EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid AND l.granted AND l.mode = 'RowExclusiveLock')`

async function main(rows: number): Promise<void> {
  const postgres = await startPostgres()
  const url = await postgres.createDatabase()
  const config = loadConfig({ mode: 'local', component: 'main' })
  const { main } = config.components
  const component = await startMainComponent({
    application,
    config: {
      ...config,
      components: { ...config.components, main: { ...main, port: 0, database: { ...main.database, url } } },
    },
    internalTokens: [],
    logger: pino({ level: 'silent' }),
  })
  const { controller } = component
  const over = new AbortController()
  try {
    const old = [events.queued(1, 1000), events.processing(1), { ...events.completed(1), at: 1000 }]
    await multiplyTask(controller, NAMES, await plantTask(controller, { events: old }), rows)
    const { table, column } = physicalEntity(controller, NAMES.apiCall)
    const [id, state] = [column('id'), column('state')]
    // All ended at the same time, and are removed in the order of their ids.
    const next = `SELECT min(${id}) AS id FROM ${table}`
    // The server's own measurement: a busy client holds no lock.
    const lock =
      `WITH locked AS MATERIALIZED (SELECT ${state} FROM ${table} WHERE ${id} = $1 FOR UPDATE)` +
      ' SELECT extract(epoch FROM clock_timestamp() - statement_timestamp()) * 1000 AS ms FROM (SELECT count(*) FROM locked) l'
    const holding = longest(url, over.signal, async (client) =>
      Math.max(0, ...(await client.query<{ ms: string }>(HELD)).rows.map(({ ms }) => Number(ms))),
    )
    const waiting = longest(url, over.signal, async (client) => {
      const [row] = (await client.query<{ id: number | null }>(next)).rows
      return Number((await client.query<{ ms: string }>(lock, [row?.id])).rows[0]?.ms ?? 0)
    })
    const removeBatch = inShortBatches((limit) =>
      removeEndedTasks(new TaskReader(controller, NAMES), {
        endedBefore: { completed: 2000 },
        limit,
        artifacts: 'keep',
      }),
    )
    let removed = 0
    const batches: number[] = []
    for (let batch = 1; batch > 0; removed += batch) {
      const from = performance.now()
      batch = await removeBatch()
      batches.push(performance.now() - from)
    }
    over.abort()
    const [held, waited] = await Promise.all([holding, waiting])
    batches.sort((a, b) => a - b)
    const quantile = (share: number) => (batches[Math.floor((batches.length - 1) * share)] ?? 0).toFixed(1)
    process.stdout.write(
      `${removed} removed; batches ${quantile(0.5)} ms, 99 % within ${quantile(0.99)} ms, longest ${quantile(1)} ms;` +
        ` locks held for ${held.toFixed(1)} ms at most, a row's lock waited for ${waited.toFixed(1)} ms at most\n`,
    )
    if (Math.max(held, waited) > MOST_MS) process.exitCode = 1
  } finally {
    over.abort()
    await component.stop()
    await postgres.stop()
  }
}

/** The longest result of `measure` until the end; it uses its own connection. */
async function longest(
  connectionString: string,
  over: AbortSignal,
  measure: (client: pg.Client) => Promise<number>,
): Promise<number> {
  const client = new pg.Client({ connectionString, application_name: 'bench' })
  await client.connect()
  let most = 0
  while (!over.aborted) {
    most = Math.max(most, await measure(client))
    await delay(LOOK_EVERY_MS)
  }
  await client.end()
  return most
}

await main(Number(process.argv[2] ?? 1_000_000))
