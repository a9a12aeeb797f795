/** A real PostgreSQL for a test: its own server, in its own folder, on a free port. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EmbeddedPostgres } from '../../tools/embedded-postgres.js'
import { freePort } from '../../tools/temporal/free-port.js'

export interface TestPostgres {
  /** Makes an empty database and gives its URL. */
  createDatabase(): Promise<string>
  /** Cuts all connections, and serves again with what was committed once `whileDown` is over. */
  restart(whileDown?: () => Promise<void>): Promise<void>
  stop(): Promise<void>
}

/** Between the choice of a port and its use somebody else may take it. */
const TRIES = 3

interface PostgresOptions {
  /** Where its folder is made. */
  parent?: string
  postgresFlags?: string[]
}

/** Starts a server of the caller's own. Most tests need no more than a database: `createDatabase` of `shared.ts`. */
export async function startPostgres({
  parent = tmpdir(),
  postgresFlags = [],
}: PostgresOptions = {}): Promise<TestPostgres> {
  const { server, port, databaseDir } = await startServer(TRIES, parent, postgresFlags)
  let databases = 0
  return {
    async createDatabase() {
      databases += 1
      const name = `app_${databases}`
      await server.createDatabase(name)
      return `postgresql://test:test@127.0.0.1:${port}/${name}`
    },
    async restart(whileDown) {
      await server.stop()
      try {
        await whileDown?.()
      } finally {
        await server.start()
      }
    },
    async stop() {
      await server.stop()
      await rm(databaseDir, { recursive: true, force: true })
    },
  }
}

async function startServer(
  triesLeft: number,
  parent: string,
  postgresFlags: string[],
): Promise<{ server: EmbeddedPostgres; port: number; databaseDir: string }> {
  const databaseDir = await mkdtemp(join(parent, 'postgres-'))
  const port = await freePort()
  const said: unknown[] = []
  const server = new EmbeddedPostgres({
    databaseDir,
    port,
    user: 'test',
    password: 'test',
    postgresFlags,
    // A stop would delete the folder, and so would a restart.
    persistent: true,
    // PostgreSQL does not run as root.
    createPostgresUser: process.getuid?.() === 0,
    onLog: (message) => said.push(message),
    onError: (message) => said.push(message),
  })
  try {
    await server.initialise()
    await server.start()
    return { server, port, databaseDir }
  } catch (cause) {
    await rm(databaseDir, { recursive: true, force: true })
    if (triesLeft > 1) return startServer(triesLeft - 1, parent, postgresFlags)
    throw new Error(`PostgreSQL did not start: ${said.join('\n')}`, { cause })
  }
}
