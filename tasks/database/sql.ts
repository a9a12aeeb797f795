/** Access from a Controller to the database under it: raw SQL, its clock, retried transactions. */
import { type Controller, type Database, MonoSystem, runWithTransactionRetry, SystemConsoleLogger } from 'interaqt'
import { timed } from '../../lib/tracing.js'
import { watchCommits } from './after-commit.js'
import { CommitUnknownError, hasPanicked, isConflict, isConnectionLost, throughOutage } from './faults.js'
import { NO_NOTICES, type Notices } from './notices.js'
import { Turns } from './turns.js'

/** An interaqt system that gives integrations access to its driver. */
export class DatabaseSystem extends MonoSystem {
  /** The owner of the current transaction, if all share one connection. */
  readonly turns = new Turns()
  /** Cached: the schema does not change once a Controller is set up, and is costly to read. */
  readonly physicalEntities = new Map<string, PhysicalEntity>()

  constructor(readonly database: Database) {
    super(database, new SystemConsoleLogger())
    watchCommits(this.storage)
  }
}

/** The driver under a Controller. Its queries join the call's open transaction. */
export function databaseOf(controller: Controller): Database {
  return systemOf(controller).database
}

/**
 * Sends a statement of the open transaction, whose answer nobody needs before its end, without waiting for it where
 * connections are not shared: if it fails, what follows it in the transaction does, with its error, at the latest the
 * COMMIT.
 */
export async function sendAlong<Row>(
  controller: Controller,
  sql: string,
  values: unknown[],
): Promise<{ answer: Promise<Row[]> }> {
  const answer = databaseOf(controller).query<Row>(sql, values)
  if (sharesConnection(controller)) await answer
  else answer.catch(() => {})
  return { answer }
}

/** What the processes of this database tell each other, as far as its driver can. */
export function noticesOf(controller: Controller): Notices {
  return (databaseOf(controller) as { notices?: Notices }).notices ?? NO_NOTICES
}

function systemOf({ system }: Controller): DatabaseSystem {
  if (system instanceof DatabaseSystem) return system
  throw new TypeError('The Controller must be made with a DatabaseSystem, which knows its driver')
}

/** Whether all of this process share one connection; then no other process uses the database. */
export function sharesConnection(controller: Controller): boolean {
  return controller.system.storage.getTransactionCapability().concurrentTransactions === 'unsupported'
}

/**
 * Runs `work` in one transaction. It is retried from its start after a serialization failure or deadlock, and, for a
 * few seconds, if the connection is lost before COMMIT was sent: then nothing can have been stored.
 *
 * @throws CommitUnknownError if the connection is lost after that; OverloadedError if all share one connection and its
 *   turn does not come in time; otherwise what `work` or the database throws
 */
export function inTransaction<T>(controller: Controller, name: string, work: () => Promise<T>): Promise<T> {
  return timed(`transaction ${name}`, () => inTurn(controller, name, work))
}

/** @param brief as in `Turns` */
function inTurn<T>(controller: Controller, name: string, work: () => Promise<T>, brief = false): Promise<T> {
  if (!sharesConnection(controller) || controller.system.storage.isInTransaction()) {
    return transaction(controller, name, work)
  }
  return systemOf(controller).turns.take(() => transaction(controller, name, work), { brief })
}

function transaction<T>(controller: Controller, name: string, work: () => Promise<T>): Promise<T> {
  const { storage } = controller.system
  return throughOutage(() =>
    runWithTransactionRetry(
      name,
      async (isolation) => {
        let committing = false
        let thrown: { error: unknown } | undefined
        try {
          return await storage.runInTransaction({ name, isolation }, async () => {
            try {
              const result = await work()
              committing = true
              return result
            } catch (error) {
              thrown = { error }
              throw error
            }
          })
        } catch (error) {
          if (committing && (isConnectionLost(error) || hasPanicked(error))) throw new CommitUnknownError(name, error)
          // If a connection is lost, interaqt throws its ROLLBACK's error, which hides the first one.
          throw thrown ? thrown.error : error
        }
      },
      { retryablePredicate: isConflict },
    ),
  )
}

/**
 * Runs reads, and retries them if the connection is lost. With one shared connection (PGLite), a read outside a
 * transaction would see another's uncommitted work, so it waits for its turn among the transactions. It is brief, and
 * goes before those that write.
 */
export function reading<T>(controller: Controller, name: string, work: () => Promise<T>): Promise<T> {
  return sharesConnection(controller) ? inTurn(controller, name, work, true) : throughOutage(work)
}

/** An index that interaqt cannot declare. */
export interface IndexDefinition {
  name: string
  /** Quoted. */
  table: string
  /** What is between the parentheses. */
  keys: string
  where?: string | undefined
}

/**
 * Creates an index if it is missing, or if its creation was interrupted. Writers are not blocked: on PostgreSQL it is
 * built concurrently, so it must not be called within a transaction. One process at a time.
 */
export async function createIndex(controller: Controller, index: IndexDefinition): Promise<void> {
  const database = databaseOf(controller)
  const name = `"${index.name}"`
  const [found] = await database.query<{ valid: boolean }>(
    'SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = to_regclass($1)',
    [name],
  )
  if (found?.valid) return
  const beside = sharesConnection(controller) ? '' : 'CONCURRENTLY'
  if (found) await database.scheme(`DROP INDEX ${beside} IF EXISTS ${name}`)
  const where = index.where === undefined ? '' : ` WHERE ${index.where}`
  await database.scheme(`CREATE INDEX ${beside} ${name} ON ${index.table} (${index.keys})${where}`)
}

/** The database's time when this is evaluated, in unix seconds, as SQL. */
export const CLOCK = 'extract(epoch FROM clock_timestamp())::float8'

/** The database's time now, in unix seconds. Not the transaction's start: it may have waited for a lock. */
export async function databaseTime(controller: Controller): Promise<number> {
  const sql = `SELECT ${CLOCK} AS now`
  const [row] = await databaseOf(controller).query<{ now: number }>(sql, [])
  if (!row) throw new Error('The database did not tell its time')
  return row.now
}

/** An entity's physical names, quoted for SQL: interaqt shortens and hashes them. */
export interface PhysicalEntity {
  table: string
  column(property: string): string
  /** The type of its id column, as SQL. */
  idType: 'int' | 'uuid'
  /** Converts an external id for the id column, or returns null if it cannot be an id of this table. */
  parseId(id: string): string | number | null
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const MAX_INT4 = 2_147_483_647

export function physicalEntity(controller: Controller, entityName: string): PhysicalEntity {
  const { physicalEntities } = systemOf(controller)
  const entity = physicalEntities.get(entityName) ?? readPhysicalEntity(controller, entityName)
  physicalEntities.set(entityName, entity)
  return entity
}

function readPhysicalEntity(controller: Controller, entityName: string): PhysicalEntity {
  const record = controller.system.storage.schema.records.find((item) => item.recordName === entityName)
  if (!record) throw new Error(`The model has no entity ${entityName}`)
  const details = new Map(record.attributeDetails?.map((detail) => [detail.name, detail]))
  const idType = details.get('id')?.fieldType
  return {
    table: `"${record.tableName}"`,
    column(property) {
      const fieldName = details.get(property)?.fieldName
      if (fieldName === undefined) throw new Error(`${entityName} has no column for ${property}`)
      return `"${fieldName}"`
    },
    idType: idType === 'UUID' ? 'uuid' : 'int',
    parseId(id) {
      if (idType === 'UUID') return UUID.test(id) ? id.toLowerCase() : null
      const number = /^[1-9]\d{0,9}$/.test(id) ? Number(id) : Number.NaN
      return number <= MAX_INT4 ? number : null
    },
  }
}
