/**
 * By how many bytes each completed task makes the database grow, including its events, indexes and key: `npm run
 * bench:bytes`, or with another number of tasks: `npm run bench:bytes -- 1000`.
 */
import pino from 'pino'
import { application } from '@/application.js'
import { loadConfig } from '@/config/load.js'
import { type MainComponent, startMainComponent } from '@/main-component/index.js'
import { DEFAULT_TASK_POLICY, type TaskRequest } from '@/protocol/index.js'
import { databaseOf, reading } from '@/tasks/database/sql.js'
import { TaskStore } from '@/tasks/task-store.js'
import { startPostgres } from '@/tests/support/postgres.js'
import { plantTask, TEST_TASKS } from '@/tests/support/tasks.js'

/** A reference, and a text of one page. Random, so that compression saves nothing. */
const RESULTS = { 'small result': 0, '20 kB result': 20_000 }

async function main(tasks: number): Promise<void> {
  const postgres = await startPostgres()
  try {
    await onDatabase('PostgreSQL', tasks, await postgres.createDatabase())
    await onDatabase('PGLite', tasks)
  } finally {
    await postgres.stop()
  }
}

async function onDatabase(title: string, tasks: number, url?: string): Promise<void> {
  const config = loadConfig({ mode: 'local', component: 'main' })
  const { main } = config.components
  const database = { dataDir: 'memory://', ...(url !== undefined && { url }) }
  const component = await startMainComponent({
    application,
    config: { ...config, components: { ...config.components, main: { ...main, port: 0, database } } },
    internalTokens: [],
    logger: pino({ level: 'silent' }),
  })
  try {
    for (const [result, bytes] of Object.entries(RESULTS)) {
      const before = await size(component)
      for (let i = 0; i < tasks; i += 1) await complete(component, bytes)
      const each = ((await size(component)) - before) / tasks
      process.stdout.write(`${title}, ${result}: ${each.toFixed(0)} bytes for each completed task\n`)
    }
  } finally {
    await component.stop()
  }
}

/** The requests of a run without a provider. */
async function complete({ controller }: MainComponent, bytes: number): Promise<void> {
  const id = await plantTask(controller)
  const step = Array.from({ length: bytes }, () => Math.floor(Math.random() * 36).toString(36)).join('')
  const run = { attempt: 1, runId: 'run-of-a-bench-0123456789' }
  const requests: TaskRequest[] = [
    { from: 'processor', status: 'queued' },
    { from: 'run', status: 'begin', ...run },
    { from: 'run', status: 'processing', ...run },
    { from: 'run', status: 'completed', ...run, result: { success: true, steps: [step] } },
  ]
  const store = new TaskStore(controller, TEST_TASKS, { policy: DEFAULT_TASK_POLICY })
  for (const request of requests) {
    const done = await store.carryOut(id, request)
    if (!done?.answer.ok) throw new Error(`${request.status} was refused`)
  }
}

/** The database's whole size, without dead row versions. */
async function size({ controller }: MainComponent): Promise<number> {
  await databaseOf(controller).scheme('VACUUM FULL')
  const sql = "SELECT sum(pg_total_relation_size(oid))::float8 AS bytes FROM pg_class WHERE relkind = 'r'"
  const [row] = await reading(controller, 'size', () => databaseOf(controller).query<{ bytes: number }>(sql, []))
  return row?.bytes ?? 0
}

await main(Number(process.argv[2] ?? 500))
