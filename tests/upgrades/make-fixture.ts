/**
 * Makes the fixture of a release, by that release's own code: its databases with tasks in every state, and what its
 * daemons ask of main, with main's answers.
 *
 *     DATABASE_URL=postgresql://… node --import tsx tests/upgrades/make-fixture.ts <checkout of the release> <version>
 *
 * The checkout has its `npm ci`. DATABASE_URL is an empty database, and `pg_dump` as new as its server. All is done
 * over HTTP, so the script outlives the releases.
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { brotliCompressSync, constants } from 'node:zlib'
import { PGlite } from '@electric-sql/pglite'
import { APPLICATION_APIS, FIXTURE_TOKEN, type Session } from './fixtures.js'
import { ERROR, RESULTS, Recorder } from './recorder.js'

const TAR_BLOCK = 512

/** A lease of this is never over, so that what is under way in the fixture stays so. */
const FOR_EVER = 1_000_000_000
const FAR_AWAY = 4_000_000_000

const [checkout, version] = process.argv.slice(2)
const databaseUrl = process.env.DATABASE_URL
if (!checkout || !version || !databaseUrl) throw new Error('Say which checkout, which version, and DATABASE_URL')
const folder = join(import.meta.dirname, 'fixtures', version)
const temporary = mkdtempSync(join(tmpdir(), 'fixture-'))
mkdirSync(folder, { recursive: true })

const dataDir = join(temporary, 'pglite')
await fill({ MAIN_DATA_DIR: dataDir })
await keepPGLite()

await fill({ DATABASE_URL: databaseUrl })
const arguments_ = ['--inserts', '--no-owner', '--no-privileges', databaseUrl]
const sql = execFileSync('pg_dump', arguments_, { encoding: 'utf8', maxBuffer: 100_000_000 })
// What begins with a backslash is for psql alone.
writeFileSync(join(folder, 'postgresql.sql'), sql.replaceAll(/^\\.*\n|^--.*\n/gm, '').replaceAll(/\n{2,}/g, '\n'))

const sessions: Session[] = [
  await record(1, { MAIN_DATA_DIR: join(temporary, 'takeover') }, recordTakeOver),
  await record(FOR_EVER, { MAIN_DATA_DIR: join(temporary, 'protocol') }, recordProtocol),
]
writeFileSync(join(folder, 'exchanges.json'), `${JSON.stringify(sessions, null, 2)}\n`)
rmSync(temporary, { recursive: true })

/** The folder as PGLite dumps it, without what no start needs: the log of before the last checkpoint. */
async function keepPGLite(): Promise<void> {
  const pglite = await PGlite.create(dataDir)
  for (const sql of ['VACUUM FULL', 'CHECKPOINT', 'SELECT pg_switch_wal()', 'CHECKPOINT']) await pglite.exec(sql)
  const { rows } = await pglite.query<{ name: string }>('SELECT pg_walfile_name(pg_current_wal_lsn()) AS name')
  const dump = await pglite.dumpDataDir('none')
  await pglite.close()

  const content = Buffer.from(await dump.arrayBuffer())
  for (let header = 0; header < content.length; ) {
    const name = content.toString('latin1', header, header + 100).replace(/\0.*$/s, '')
    const size = Number.parseInt(content.toString('latin1', header + 124, header + 135), 8) || 0
    const start = header + TAR_BLOCK
    const isOld = /pg_wal\/[0-9A-F]{24}$/.test(name) && !name.endsWith(rows[0]?.name ?? '')
    if (isOld) content.fill(0, start, start + size)
    header = start + Math.ceil(size / TAR_BLOCK) * TAR_BLOCK
  }
  const { BROTLI_PARAM_LGWIN, BROTLI_PARAM_LARGE_WINDOW, BROTLI_PARAM_SIZE_HINT } = constants
  // Its three template databases are alike, and some megabytes apart.
  const params = { [BROTLI_PARAM_LARGE_WINDOW]: 1, [BROTLI_PARAM_LGWIN]: 26, [BROTLI_PARAM_SIZE_HINT]: content.length }
  writeFileSync(join(folder, 'pglite.tar.br'), brotliCompressSync(content, { params }))
}

/** Tasks of every integration, in every state. */
async function fill(where: Record<string, string>): Promise<void> {
  await record(1, where, async (main) => {
    for (const namespace of Object.keys(APPLICATION_APIS)) await main.claim(await main.create(namespace))
  })
  await record(FOR_EVER, where, async (main) => {
    // Before the others: what was claimed for a second is to be over, and stays so.
    for (const namespace of Object.keys(APPLICATION_APIS)) await fillIntegration(main, namespace)
  })
}

async function fillIntegration(main: Recorder, namespace: string): Promise<void> {
  const make = () => main.create(namespace)
  const claimed = async () => main.claim(await make())
  const begun = async () => main.begin(await claimed())
  const processing = async (providerTask?: object) => {
    const task = await begun()
    await main.fromRun(task, { status: 'processing', ...providerTask })
    return task
  }
  const named = { providerTask: { id: `provider-${namespace}`, attempt: 1 } }

  // queued: claimed, and begun with an intent open
  await claimed()
  await begun()
  // processing: with the provider's task, and where the provider is only known to be asked
  await processing(named)
  await processing()
  // failed: to be tried again, with an intent open, with a provider's task, and for good
  await main.fail(await begun(), { retryable: true })
  await main.fail(await processing(named), { retryable: true })
  await main.fail(await processing(named), { retryable: false, providerEnded: true })
  // completed, at once and in the second attempt
  await main.complete(await processing(named))
  const second = await processing(named)
  await main.fail(second, { retryable: true })
  await main.operator(second, 'retryTask', { by: 'operator' })
  await main.begin(await main.claim(second), 2)
  await main.complete(second, 2)
  // cancelled: never run, seen closed, and not yet seen
  await main.operator(await make(), 'cancelTask', { by: 'operator' })
  const seen = await processing(named)
  await main.operator(seen, 'cancelTask', { by: 'operator', reason: 'changed my mind' })
  await main.verdict(seen, { status: 'closed' })
  await main.operator(await processing(named), 'cancelTask', { by: 'operator' })
  // pending: released, at once, and delayed
  const released = await claimed()
  await main.fromProcessor(released, { status: 'released' })
  await make()
  await main.createDelayed(namespace, FAR_AWAY)
}

async function recordTakeOver(main: Recorder): Promise<void> {
  const task = await main.claim(await main.create('testAsyncTask'))
  await main.fetchUntil(task)
  await main.claim(task)
  await main.begin(task)
  await main.complete(task)
}

async function recordProtocol(main: Recorder): Promise<void> {
  for (const namespace of Object.keys(APPLICATION_APIS)) {
    const task = await main.claim(await main.create(namespace))
    await main.report(task, { status: 'queued', fencingToken: 'another-token' })
    await main.report(task, { status: 'queued', fencingToken: task.token })
    await main.fromProcessor(task, { status: 'running' })
    await main.fromProcessor(task, { status: 'released' })

    const done = await main.claim(await main.create(namespace))
    await main.begin(done)
    await main.begin(done)
    await main.report(done, { attempt: 1, runId: 'another-run', status: 'begin', createIntent: true })
    await main.fromRun(done, { status: 'processing' })
    await main.fromRun(done, { status: 'processing', providerTask: { id: 'provider-task', attempt: 1 } })
    await main.fromRun(done, { status: 'processing', providerTask: { id: 'provider-task', attempt: 1 } })
    await main.verdict(done, { status: 'running' })
    await main.fromRun(done, { status: 'failed', error: ERROR, retryable: true, retryAfterSeconds: 60 })
    await main.operator(done, 'retryTask', { by: 'operator', extraAttempts: 2 })
    await main.claim(done)
    await main.begin(done, 2)
    await main.complete(done, 2)
    await main.complete(done, 2)
    await main.operator(done, 'cancelTask', { by: 'operator' })

    const lost = await main.begin(await main.claim(await main.create(namespace)))
    await main.fromRun(lost, { status: 'processing' })
    const error = { code: 'workflow_lost', message: 'There is no such workflow' }
    await main.verdict(lost, { status: 'failed', error, retryable: true, seenRunId: lost.runId })

    const unstartable = await main.claim(await main.create(namespace))
    await main.fromProcessor(unstartable, { status: 'failed', error: ERROR, retryable: false })

    const delivered = await main.begin(await main.claim(await main.create(namespace)))
    await main.fromRun(delivered, { status: 'processing' })
    await main.verdict(delivered, { status: 'completed', result: RESULTS[namespace] })

    const cancelled = await main.begin(await main.claim(await main.create(namespace)))
    await main.operator(cancelled, 'cancelTask', { by: 'operator', reason: 'no longer wanted' })
    await main.begin(cancelled)
    await main.verdict(cancelled, { status: 'running' })
    await main.verdict(cancelled, { status: 'closed' })
    await main.report({ ...cancelled, id: '4294967296' }, { status: 'queued', fencingToken: cancelled.token })
  }
}

/** Runs the release's main for as long as `use` takes. */
async function record(
  stuckTimeoutSeconds: number,
  where: Record<string, string>,
  use: (main: Recorder) => Promise<void>,
): Promise<Session> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'startMain.ts'], {
    cwd: resolve(checkout as string),
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      MAIN_PORT: '0',
      MAIN_LISTEN_PORT: '0',
      INTERNAL_API_TOKEN: FIXTURE_TOKEN,
      STUCK_TIMEOUT_SECONDS: String(stuckTimeoutSeconds),
      ...where,
    },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const exited = once(child, 'exit')
  const [{ url }] = (await Promise.race([once(child, 'message'), exited])) as [{ url: string }]
  const recorder = new Recorder(url)
  try {
    await use(recorder)
  } finally {
    child.kill('SIGTERM')
    await exited
  }
  return { stuckTimeoutSeconds, exchanges: recorder.exchanges }
}
