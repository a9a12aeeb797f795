/** The way from a Controller to the database under it: raw SQL, its clock, transactions that are retried. */
import { type Controller, type Database, MonoSystem, runWithTransactionRetry, SystemConsoleLogger } from 'interaqt'
import { CommitUnknownError, hasPanicked, isConflict, isConnectionLost, throughOutage } from './faults.js'
import { Turns } from './turns.js'

/** An interaqt system that lets integrations reach the driver it was made with. */
export class DatabaseSystem extends MonoSystem {
  /** Whose transaction it is, where all share one connection. */
  readonly turns = new Turns()
  /** The schema does not change once a Controller is set up, and is costly to read. */
  readonly physicalEntities = new Map<string, PhysicalEntity>()

  constructor(readonly database: Database) {
    super(database, new SystemConsoleLogger())
  }
}

/** The driver under a Controller. Its queries join the transaction that is open in this call. */
export function databaseOf(controller: Controller): Database {
  return systemOf(controller).database
}

function systemOf({ system }: Controller): DatabaseSystem {
  if (system instanceof DatabaseSystem) return system
  throw new TypeError('The Controller must be made with a DatabaseSystem, which knows its driver')
}

function sharesConnection(controller: Controller): boolean {
  return controller.system.storage.getTransactionCapability().concurrentTransactions === 'unsupported'
}

/**
 * Runs `work` in one transaction. It is run again from its start after a serialization failure or deadlock, and,
 * for a few seconds, where the connection is lost before COMMIT was sent: then nothing can have been stored.
 *
 * @throws CommitUnknownError where the connection is lost after that; OverloadedError where all share one connection,
 * and its turn does not come in time; else what `work` or the database throws
 */
export function inTransaction<T>(controller: Controller, name: string, work: () => Promise<T>): Promise<T> {
  return inTurn(controller, name, work)
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
          // Where a connection is lost, interaqt throws what its ROLLBACK met: that hides what came first.
          throw thrown ? thrown.error : error
        }
      },
      { retryablePredicate: isConflict },
    ),
  )
}

/**
 * Runs reads, again where the connection is lost. Where all share one connection (PGLite), a read outside a
 * transaction would see somebody else's uncommitted work, so it takes its turn in the queue of transactions. It is
 * brief, and goes before those that write.
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
 * Makes an index where it is not there, and again where its making was broken off. Others go on writing meanwhile:
 * on PostgreSQL it is built beside them, for which it must not be called within a transaction. One process at a time.
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

/** The database's time now, in unix seconds. Not the transaction's start: a lock may have been waited for. */
export async function databaseTime(controller: Controller): Promise<number> {
  const sql = 'SELECT extract(epoch FROM clock_timestamp())::float8 AS now'
  const [row] = await databaseOf(controller).query<{ now: number }>(sql, [])
  if (!row) throw new Error('The database did not tell its time')
  return row.now
}

/** An entity's physical names, quoted for SQL: interaqt shortens and hashes them. */
export interface PhysicalEntity {
  table: string
  column(property: string): string
  /** Turns an id from outside into what the id column takes, or null where it can be no id of this table. */
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
    parseId(id) {
      if (idType === 'UUID') return UUID.test(id) ? id.toLowerCase() : null
      const number = /^[1-9]\d{0,9}$/.test(id) ? Number(id) : Number.NaN
      return number <= MAX_INT4 ? number : null
    },
  }
}
