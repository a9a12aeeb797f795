/** A PostgreSQL server that can be crashed and restarted on the same data. */
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { EmbeddedPostgres } from '../../embedded-postgres.js'
import { freePort } from '../../temporal/free-port.js'

const DATABASE = 'app'
const START_TIMEOUT_MS = 30_000

export class CrashablePostgres {
  private constructor(
    private readonly folder: string,
    private readonly server: EmbeddedPostgres,
    readonly url: string,
  ) {}

  static async start(): Promise<CrashablePostgres> {
    const folder = await mkdtemp(join(tmpdir(), 'chaos-postgres-'))
    const port = await freePort()
    const server = new EmbeddedPostgres({
      databaseDir: folder,
      port,
      user: 'chaos',
      password: 'chaos',
      persistent: true,
      // PostgreSQL does not run as root.
      createPostgresUser: process.getuid?.() === 0,
      onLog: () => {},
      onError: () => {},
    })
    await server.initialise()
    await server.start()
    await server.createDatabase(DATABASE)
    return new CrashablePostgres(folder, server, `postgresql://chaos:chaos@127.0.0.1:${port}/${DATABASE}`)
  }

  /** Kills all its processes with nothing written: the next start recovers from the log. */
  async crash(): Promise<void> {
    const [pid] = readFileSync(join(this.folder, 'postmaster.pid'), 'utf8').split('\n')
    process.kill(Number(pid), 'SIGQUIT')
    const deadline = Date.now() + START_TIMEOUT_MS
    while (isAlive(Number(pid))) {
      if (Date.now() > deadline) throw new Error('PostgreSQL did not end')
      await delay(20)
    }
  }

  /** Restarts it after a crash. Resolves once it answers. */
  async startAgain(): Promise<void> {
    await this.server.start()
    const deadline = Date.now() + START_TIMEOUT_MS
    for (;;) {
      try {
        return void (await this.query('SELECT 1'))
      } catch (error) {
        if (Date.now() > deadline) throw error
        await delay(100)
      }
    }
  }

  /** Runs one statement over a new connection, as the server may have been restarted. */
  async query<Row extends object>(sql: string, params: unknown[] = []): Promise<Row[]> {
    const client = new pg.Client({ connectionString: this.url, connectionTimeoutMillis: 5_000, query_timeout: 20_000 })
    // A connection that breaks while idle reports it only by this event, and the query by its own error.
    client.on('error', () => {})
    try {
      await client.connect()
      return (await client.query<Row>(sql, params)).rows
    } finally {
      await client.end().catch(() => {})
    }
  }

  async stop(): Promise<void> {
    await this.server.stop()
    await rm(this.folder, { recursive: true, force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
