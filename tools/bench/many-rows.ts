/** A million copies of a task, in a minute instead of many: without the indexes, which are made again afterwards. */
import type { Controller } from 'interaqt'
import { databaseOf, inTransaction, physicalEntity } from '../../tasks/database/sql.js'
import { callEntityNames } from '../../tasks/entities.js'
import { multiplyTask } from '../../tests/support/rows.js'

const NAMES = callEntityNames('TestAsyncTask')

/** Those that no constraint needs. */
const INDEXES = `SELECT indexname AS name, indexdef AS definition FROM pg_indexes WHERE tablename = $1 AND NOT EXISTS
  (SELECT FROM pg_constraint WHERE conindid = (quote_ident(schemaname) || '.' || quote_ident(indexname))::regclass)`

/** Those that were planted before are removed. */
export async function plantMany(controller: Controller, id: string, count: number): Promise<void> {
  const database = databaseOf(controller)
  const { table, column } = physicalEntity(controller, NAMES.apiCall)
  await withoutIndexes(controller, NAMES.apiCall, async () => {
    await database.scheme(`DELETE FROM ${table} WHERE ${column('taskKey')} LIKE 'bench-%'`)
    await database.scheme(`VACUUM ${table}`)
    await multiplyTask(controller, NAMES, id, count)
  })
}

/** Makes the indexes of an entity's table again after `plant`. */
export async function withoutIndexes(
  controller: Controller,
  entity: string,
  plant: () => Promise<unknown>,
): Promise<void> {
  const database = databaseOf(controller)
  const { table } = physicalEntity(controller, entity)
  const indexes = await inTransaction(controller, 'indexes', () =>
    database.query<{ name: string; definition: string }>(INDEXES, [table.replaceAll('"', '')]),
  )
  // It would hold up what follows.
  await database.scheme(`ALTER TABLE ${table} SET (autovacuum_enabled = false)`)
  for (const { name } of indexes) await database.scheme(`DROP INDEX "${name}"`)
  try {
    await plant()
  } finally {
    for (const { definition } of indexes) await database.scheme(definition)
  }
  await database.scheme(`VACUUM ANALYZE ${table}`)
}
