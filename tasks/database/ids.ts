/** Ids of new rows, taken from interaqt's sequences: by the statement that inserts them, in blocks, or ahead. */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Controller, Database } from 'interaqt'
import { databaseOf, sendAlong } from './sql.js'

/** Ids of new rows, for a statement that inserts them. */
export interface NewIds {
  /** What the statement is given for each row. */
  values: unknown[]
  /** A row's id as SQL, made of what was given for it. */
  of(value: string): string
}

/**
 * New ids as interaqt's storage takes them: on PostgreSQL the statement itself takes them from interaqt's sequence, in
 * the order of its rows.
 */
export async function newIds(controller: Controller, entityName: string, count: number): Promise<NewIds> {
  const database = databaseOf(controller)
  const sequence = sequenceOf(database, entityName)
  const rows = Array.from({ length: count })
  if (sequence !== undefined) return { values: rows.map(() => null), of: () => `nextval('"${sequence}"')::int` }
  return { values: await Promise.all(rows.map(() => database.getAutoId(entityName))), of: (value) => value }
}

/** The sequence of an entity's ids, if the database has one: interaqt's driver keeps its name to itself. */
function sequenceOf(database: Database, entityName: string): string | undefined {
  const { idSystem } = database as { idSystem?: { recordToSequenceName?: Map<string, string> } }
  return idSystem?.recordToSequenceName?.get(entityName)
}

const BLOCK = 32

/** As interaqt types it; on PostgreSQL it is a number. */
type Id = Awaited<ReturnType<Database['getAutoId']>>

/**
 * Has interaqt take the ids of these entities from its sequences in blocks, instead of by a statement for each row. Not
 * for entities whose rows are read in the order of their ids, or for which an application chooses ids.
 */
export function takeIdsInBlocks(controller: Controller, entityNames: string[]): void {
  const database = databaseOf(controller)
  const blocks = blocksOf.get(database) ?? new Map<string, Id[]>()
  if (!blocksOf.has(database)) {
    blocksOf.set(database, blocks)
    const takeOne = database.getAutoId.bind(database)
    database.getAutoId = async (entityName) => {
      const given = idAhead.getStore()
      if (given?.entityName === entityName && given.id) {
        const { id } = given
        given.id = undefined
        return id
      }
      const [block, sequence] = [blocks.get(entityName), sequenceOf(database, entityName)]
      if (!block || sequence === undefined) return takeOne(entityName)
      if (block.length === 0) {
        const sql = `SELECT nextval('"${sequence}"')::int AS id FROM generate_series(1, ${BLOCK}) ORDER BY 1 DESC`
        block.push(...(await database.query<{ id: Id }>(sql, [])).map(({ id }) => id))
      }
      return block.pop() ?? takeOne(entityName)
    }
  }
  for (const name of entityNames) if (!blocks.has(name)) blocks.set(name, [])
}

const idAhead = new AsyncLocalStorage<{ entityName: string; id: Promise<Id> | undefined }>()

/**
 * Sends along the statement that takes a new row's id from interaqt's sequence, if there is one, before it is known
 * whether there will be a row.
 *
 * @returns runs what creates the row: the first of the entity has this id
 */
export async function takeIdAhead(controller: Controller, entityName: string) {
  const database = databaseOf(controller)
  const sequence = sequenceOf(database, entityName)
  if (sequence === undefined) return <T>(create: () => T): T => create()
  const { answer } = await sendAlong<{ id: Id }>(controller, `SELECT nextval('"${sequence}"')::int AS id`, [])
  const id = answer.then(([row]) => row?.id as Id)
  id.catch(() => {})
  return <T>(create: () => T): T => idAhead.run({ entityName, id }, create)
}

const blocksOf = new WeakMap<Database, Map<string, Id[]>>()
