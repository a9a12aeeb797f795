/** The database under main: drivers that never drop anything, and a boot that several processes may run at once. */
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { Database, DatabaseLogger } from 'interaqt'
import { PGLiteDB, type PGLiteDBConfig, PostgreSQLDB, type PostgreSQLDBConfig } from 'interaqt/drivers'
import pg from 'pg'
import type { Logger } from 'pino'
import { CONNECTION_WAIT_MS, LOCK_WAIT_MS, STATEMENT_TIMEOUT_MS } from '../protocol/limits.js'
import { ConnectionLostError, isConnectionLost } from '../tasks/database/faults.js'
import { lockDataDir, unusable } from './data-dir-lock.js'
import { PostgresNotices } from './database-notices.js'
import { assertRoom, watchForStall } from './disk-space.js'
import { MainComponentError } from './errors.js'

export interface OpenedDatabase {
  kind: 'pglite' | 'postgresql'
  driver: Database
  /** Runs `boot` while no other process boots this database. Its statements have no time-out. */
  alone<T>(boot: () => Promise<T>): Promise<T>
  close(): Promise<void>
}

/** Statements that need no disk space. Row locks do need some. */
const WRITES_NOTHING =
  /^\s*(SELECT\b(?![\s\S]*\bFOR\s+(NO\s+KEY\s+)?(UPDATE|SHARE)\b)|BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|SET)\b/i

/** A driver whose `open` never recreates the database, as interaqt's own does when asked to install. */
class KeepingPGLite extends PGLiteDB {
  /** @param beforeWrites throws if nothing may be written now */
  constructor(folder: string, options: PGLiteDBConfig, beforeWrites: () => void) {
    super(folder, options)
    // It opens at once; `open` reports any error.
    this.db.waitReady.catch(() => {})
    this.db.query = new Proxy(this.db.query, {
      apply(query, self, args) {
        if (!WRITES_NOTHING.test(String(args[0]))) beforeWrites()
        return Reflect.apply(query, self, args)
      },
    })
  }

  override async open(): Promise<void> {
    await this.db.waitReady.catch((cause: unknown) => {
      throw unusable(this.database ?? '', cause)
    })
    await super.open(false)
  }
}

/**
 * Like the driver above; also, it does not inspect other databases, for which its user may have no right. It has one
 * pool to boot with, and one to serve with, because interaqt keeps a database's sequences in the driver that booted.
 */
class KeepingPostgreSQL extends PostgreSQLDB {
  readonly notices: PostgresNotices

  constructor(database: string, options: PostgreSQLDBConfig) {
    super(database, options)
    const { connectionString, connectionTimeoutMillis } = options
    const limits = { query_timeout: STATEMENT_TIMEOUT_MS, ...KEEP_ALIVE }
    this.notices = new PostgresNotices({ connectionString, connectionTimeoutMillis, ...limits })
  }

  override async open(): Promise<void> {
    // Schema changes have no time-out.
    this.pool ??= this.#newPool({})
  }

  override openForSchemaRead(): Promise<void> {
    return this.open()
  }

  /** From here on each statement has a time-out of `STATEMENT_TIMEOUT_MS`. */
  async serve(): Promise<void> {
    const booted = this.pool
    this.pool = this.#newPool({ query_timeout: STATEMENT_TIMEOUT_MS })
    await booted?.end()
    this.notices.start()
  }

  override async close(): Promise<void> {
    await this.notices.stop()
    await super.close()
  }

  #newPool(limits: pg.PoolConfig): pg.Pool {
    const pool = new Pool({ ...this.options, ...limits })
    // An idle connection was lost: the pool makes another when needed.
    pool.on('error', ({ message: error }) => this.logger.error({ type: 'pool', name: 'idle', sql: '', error }))
    return pool
  }
}

/** Marks an error that means a lost connection. */
class Pool extends pg.Pool {
  override connect(...args: unknown[]): never {
    return orLost(super.connect, this, args)
  }

  override query(...args: unknown[]): never {
    return orLost(super.query, this, args)
  }
}

/** Each of them takes the server some 50 kB for each connection. */
const MOST_PREPARED = 200

/** A connection that, once lost, only fails its own queries. It has each statement with parameters parsed once. */
class Connection extends pg.Client {
  readonly #names = new Map<string, string>()

  constructor(config?: string | pg.ClientConfig) {
    super(config)
    // A connection that is lost while its transaction pauses emits only this event, which would end the process.
    this.on('error', () => {})
  }

  /**
   * After a time-out pg would keep using the connection, though its transaction may be open, and let the ROLLBACK wait
   * behind the missing answer. If the pool asks, ending the connection also ends the failed query.
   */
  override query(...args: unknown[]): never {
    return orLost(super.query, this, this.#prepared(args), () => void this.end())
  }

  #prepared(args: unknown[]): unknown[] {
    const [text, values, ...others] = args
    if (typeof text !== 'string' || !Array.isArray(values) || values.length === 0) return args
    const name = this.#names.get(text) ?? `s${this.#names.size}`
    if (!this.#names.has(text) && this.#names.size === MOST_PREPARED) return args
    this.#names.set(text, name)
    return [{ name, text, values }, ...others]
  }
}

/**
 * Calls one of pg's overloaded functions: `never` fits them all. pg's own errors have neither the server's SQLSTATE nor
 * the network's code: no answer in time, no connection, or one that has ended.
 */
function orLost(call: unknown, self: unknown, args: unknown[], onLost = () => {}): never {
  const answer: unknown = Reflect.apply(call as (...args: unknown[]) => unknown, self, args)
  if (!(answer instanceof Promise)) return answer as never
  return answer.catch((thrown: unknown) => {
    const isPlain = thrown instanceof Error && thrown.constructor === Error && !('code' in thrown)
    const error = isPlain ? new ConnectionLostError(thrown) : thrown
    if (isConnectionLost(error)) onLost()
    throw error
  }) as never
}

/** @param dataDir a folder, or `memory://`; used if there is no `url` */
export async function openDatabase({ url, dataDir }: { url?: string | undefined; dataDir: string }, logger: Logger) {
  return url === undefined ? openPGLite(dataDir, logger) : openPostgreSQL(url, logger)
}

async function openPGLite(dataDir: string, logger: Logger): Promise<OpenedDatabase> {
  const inMemory = dataDir.startsWith('memory://')
  const options = { logger: databaseLogger(logger) }
  if (inMemory) {
    const driver = new KeepingPGLite(dataDir, options, () => {})
    return { kind: 'pglite', driver, alone: (boot) => boot(), close: () => driver.close() }
  }
  const { path, unlock } = lockDataDir(dataDir)
  try {
    const isNew = !existsSync(join(path, 'PG_VERSION'))
    assertRoom(path, isNew)
    if (isNew) await initialisePGLite(path)
  } catch (error) {
    unlock()
    throw error
  }
  const endWatch = watchForStall(path)
  const driver = new KeepingPGLite(path, options, () => assertRoom(path))
  return {
    kind: 'pglite',
    driver,
    alone: (boot) => boot(),
    async close() {
      await driver.close()
      endWatch()
      unlock()
    },
  }
}

/** The longest time that making an empty database may take, on a very slow machine. */
const INITIALISE_MS = 60_000

/** In a thread of its own: it takes half a gigabyte, most of which would stay with this process. */
async function initialisePGLite(path: string): Promise<void> {
  const worker = new Worker(new URL('initialise-pglite.mjs', import.meta.url), { workerData: path, execArgv: [] })
  try {
    await once(worker, 'exit', { signal: AbortSignal.timeout(INITIALISE_MS) })
  } catch (cause) {
    throw unusable(path, cause)
  } finally {
    await worker.terminate()
  }
}

/** The same for all applications: processes that boot the same database must take turns. */
const BOOT_LOCK = 4_155_202_611
const BOOT_LOOK_MS = 100

/** Detects a server that vanished silently, on idle connections and while waiting for a lock or a schema. */
const KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelayMillis: 10_000 }

function openPostgreSQL(url: string, logger: Logger): OpenedDatabase {
  const options: PostgreSQLDBConfig & pg.PoolConfig = {
    connectionString: url,
    Client: Connection,
    // Then 503, before callers give up.
    connectionTimeoutMillis: CONNECTION_WAIT_MS,
    ...KEEP_ALIVE,
    // An unavailable row lock becomes an error that the caller retries, instead of a request that hangs.
    lock_timeout: LOCK_WAIT_MS,
    idle_in_transaction_session_timeout: 60_000,
    max: 20,
    logger: databaseLogger(logger),
  }
  const driver = new KeepingPostgreSQL(new URL(url).pathname.slice(1), options)
  return {
    kind: 'postgresql',
    driver,
    async alone(boot) {
      const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000, ...KEEP_ALIVE })
      await client.connect().catch((error: unknown) => {
        throw cannotConnect(error)
      })
      try {
        while (!(await tryLock(client))) await delay(BOOT_LOOK_MS)
        const booted = await boot()
        await driver.serve()
        return booted
      } finally {
        await client.end()
      }
    },
    close: () => driver.close(),
  }
}

/** Waiting for the lock within a statement would keep a transaction open, and index builds wait for those. */
async function tryLock(client: pg.Client): Promise<boolean> {
  const sql = 'SELECT pg_try_advisory_lock($1) AS locked'
  const { rows } = await client.query<{ locked: boolean }>(sql, [BOOT_LOCK])
  return rows[0]?.locked === true
}

function cannotConnect(cause: unknown): MainComponentError {
  const { code, message } = cause as { code?: string; message: string }
  if (code === '3D000') {
    const remedy = 'Create it with createdb, or correct DATABASE_URL.'
    return new MainComponentError('DATABASE_MISSING', `${message}. ${remedy}`, false, { cause })
  }
  const said = message || code || 'no answer'
  return new MainComponentError('DATABASE_UNREACHABLE', `PostgreSQL at DATABASE_URL cannot be used: ${said}`, true, {
    cause,
  })
}

/** Statements without their parameters, which are users' data. */
function databaseLogger(logger: Logger): DatabaseLogger {
  const adapter: DatabaseLogger = {
    info: ({ type, name, sql }) => logger.trace({ type, name, sql }, 'sql'),
    error: ({ type, name, sql, error }) => logger.debug({ type, name, sql, error }, 'sql failed'),
    child: () => adapter,
  }
  return adapter
}
