/** PostgreSQL as main's database: a driver that never drops anything, and a boot that several processes may run at once. */
import { setTimeout as delay } from 'node:timers/promises'
import type { DatabaseLogger } from 'interaqt'
import { PostgreSQLDB, type PostgreSQLDBConfig } from 'interaqt/drivers'
import pg from 'pg'
import { CONNECTION_WAIT_MS, LOCK_WAIT_MS, STATEMENT_TIMEOUT_MS } from '../protocol/limits.js'
import type { OpenedDatabase } from './database.js'
import { PostgresNotices } from './database-notices.js'
import { MainComponentError } from './errors.js'
import { Connection, Pool } from './postgres-connection.js'

/**
 * A driver whose `open` never recreates the database, as interaqt's own does when asked to install. Also, it does not
 * inspect other databases, for which its user may have no right. It has one pool to boot with, and one to serve with,
 * because interaqt keeps a database's sequences in the driver that booted.
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
    // A pool that ends forgets whoever waits for a connection: they would, until their time-out.
    while (booted?.waitingCount) await delay(BOOT_LOOK_MS / 10)
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

/** The same for all applications: processes that boot the same database must take turns. */
const BOOT_LOCK = 4_155_202_611
const BOOT_LOOK_MS = 100

/** How old a connection's prepared statements, and their plans, become: tables grow. */
const PLANS_SECONDS = 60

/** Detects a server that vanished silently, on idle connections and while waiting for a lock or a schema. */
const KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelayMillis: 10_000 }

export function openPostgreSQL(url: string, logger: DatabaseLogger): OpenedDatabase {
  const options: PostgreSQLDBConfig & pg.PoolConfig = {
    connectionString: url,
    Client: Connection,
    // Then 503, before callers give up.
    connectionTimeoutMillis: CONNECTION_WAIT_MS,
    ...KEEP_ALIVE,
    pipeline: true,
    // An unavailable row lock becomes an error that the caller retries, instead of a request that hangs.
    lock_timeout: LOCK_WAIT_MS,
    idle_in_transaction_session_timeout: 60_000,
    max: 20,
    maxLifetimeSeconds: PLANS_SECONDS,
    logger,
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
