/** Many rows at once, past interaqt: copies of one that it made. */
import type { Controller } from 'interaqt'
import { databaseOf, inTransaction, physicalEntity } from '@/tasks/database/sql.js'
import type { CallEntityNames } from '@/tasks/entities.js'

/** Rows in one statement: PGLite holds what one writes in memory. */
const BATCH = 10_000

/**
 * Adds `count` copies of a task, each with a key of its own, and has the database look at what it holds now, as
 * PostgreSQL does in time by itself.
 *
 * @param varied by property, what the copies have of their own, as SQL of their number `n`
 */
export async function multiplyTask(
  controller: Controller,
  { apiCall }: Pick<CallEntityNames, 'apiCall'>,
  id: string,
  count: number,
  varied: Record<string, string> = {},
): Promise<void> {
  const { table, column, parseId } = physicalEntity(controller, apiCall)
  const database = databaseOf(controller)
  const idColumn = column('id')
  const columns = await inTransaction(controller, 'columns', () =>
    database.query<{ name: string }>(
      'SELECT column_name AS name FROM information_schema.columns WHERE table_name = $1',
      [table.replaceAll('"', '')],
    ),
  )
  const copied = columns
    .map(({ name }) => `"${name}"`)
    .filter((name) => name !== '"_rowId"' && name !== idColumn && name !== column('taskKey'))
  const own = new Map(Object.entries(varied).map(([property, of]) => [column(property), of]))
  const selected = copied.map((name) => own.get(name) ?? name)
  const uuid = typeof parseId(id) === 'string'
  // Far above those that interaqt gives next.
  const base = `(SELECT greatest(max(${idColumn}), 1000000000) FROM ${table}) + `
  for (let done = 0; done < count; done += BATCH) {
    const batch = Math.min(BATCH, count - done)
    await inTransaction(controller, 'multiply', () =>
      database.query(
        `INSERT INTO ${table} (${idColumn}, ${column('taskKey')}, ${copied.join(', ')})` +
          ` SELECT ${uuid ? 'gen_random_uuid()' : `${base}n - ${done}`}, 'bench-${id}-' || n, ${selected.join(', ')}` +
          ` FROM ${table}, generate_series(${done + 1}, ${done + batch}) AS n WHERE ${idColumn} = $1`,
        [parseId(id)],
      ),
    )
  }
  await database.scheme(`VACUUM ANALYZE ${table}`)
}
