/**
 * The artifacts of removed tasks. The statement that removes a row notes the artifacts that its result names. They are
 * removed later, once no task names them: so no row ever points to a missing file, and no note is lost if the store is
 * unavailable or main dies.
 */
import type { Controller } from 'interaqt'
import { CLOCK, databaseOf, databaseTime, inTransaction, physicalEntity, reading } from './database/sql.js'
import { isTaskEntity } from './entities.js'

const NOTES = '"ArtifactsToRemove"'
/** The form of an artifact's name. Nothing else is ever sent to a store. */
const KEY = '[A-Za-z0-9_-]+[.][A-Za-z0-9]+'
const ARTIFACTS = `$.** ? (exists(@.sha256) && @.key like_regex "^${KEY}$").key`
const A_PAGE = 500
const AT_ONCE = 20
/** Pause after a try that failed, or whose end is unknown. */
const AGAIN_SECONDS = 3600
/** Pause while another task names it. */
const NAMED_SECONDS = 86_400

/** Makes the table of notes, which is not part of the application's model. Idempotent. */
export async function createArtifactNotes(controller: Controller): Promise<void> {
  await databaseOf(controller).scheme(
    `CREATE TABLE IF NOT EXISTS ${NOTES} (key text PRIMARY KEY, due double precision NOT NULL)`,
  )
}

/** The SQL that notes the artifacts of rows with a `result`. */
export function noteArtifacts(rows: string): string {
  return (
    `INSERT INTO ${NOTES} SELECT DISTINCT artifact #>> '{}', ${CLOCK}` +
    ` FROM ${rows}, jsonb_path_query(result::jsonb, '${ARTIFACTS}') AS artifact` +
    ' ON CONFLICT DO NOTHING'
  )
}

/**
 * Removes noted artifacts that no task of any integration names, in its result or in its request.
 *
 * @param remove removes one artifact; does nothing if it is gone
 * @returns how many were removed
 * @throws what `remove` throws; the rest stays noted
 */
export async function removeNotedArtifacts(
  controller: Controller,
  remove: (key: string) => Promise<void>,
  signal: AbortSignal,
): Promise<number> {
  const now = await reading(controller, 'artifacts:now', () => databaseTime(controller))
  const due = `SELECT 1 FROM ${NOTES} WHERE due <= $1 LIMIT 1`
  const anyDue = await reading(controller, 'artifacts:due', () => databaseOf(controller).query(due, [now]))
  if (anyDue.length === 0) return 0
  await putOffNamed(controller, now, signal)
  let removed = 0
  while (!signal.aborted) {
    // Committed to the disk, with everything committed before: the rows are gone for good.
    const keys = await take(controller, now)
    if (keys.length === 0) break
    await Promise.all(keys.map(remove))
    await change(controller, 'removed', `DELETE FROM ${NOTES} WHERE key = ANY($1)`, [keys])
    removed += keys.length
  }
  return removed
}

async function take(controller: Controller, now: number): Promise<string[]> {
  const sql =
    `UPDATE ${NOTES} SET due = $1::float8 + ${AGAIN_SECONDS} WHERE key IN` +
    ` (SELECT key FROM ${NOTES} WHERE due <= $1 LIMIT ${AT_ONCE} FOR UPDATE SKIP LOCKED) RETURNING key`
  const rows = await change<{ key: string }>(controller, 'take', sql, [now])
  return rows.map(({ key }) => key)
}

function change<Row>(controller: Controller, what: string, sql: string, values: unknown[]): Promise<Row[]> {
  return inTransaction(controller, `artifacts:${what}`, () => databaseOf(controller).query<Row>(sql, values))
}

/** Searches all tasks for names of artifacts, a page at a time. */
async function putOffNamed(controller: Controller, now: number, signal: AbortSignal): Promise<void> {
  for (const { name } of controller.entities.filter(isTaskEntity)) {
    const { table, column } = physicalEntity(controller, name)
    const id = column('id')
    const sql = (after: boolean) =>
      `WITH page AS MATERIALIZED (SELECT ${id} AS id, ` +
      // A URL inside another one is encoded.
      ` regexp_replace(concat(${column('result')}::text, ${column('requestParams')}::text), '%2f', '/', 'gi') AS said FROM ${table} ${after ? `WHERE ${id} > $2` : ''} ORDER BY ${id} LIMIT ${A_PAGE}),` +
      ` named AS (UPDATE ${NOTES} SET due = $1::float8 + ${NAMED_SECONDS} WHERE due <= $1 AND key IN` +
      ` (SELECT name[1] FROM page, regexp_matches(said, '${KEY}', 'g') AS name))` +
      ` SELECT id FROM page ORDER BY id DESC LIMIT 1`
    let last: string | number | undefined
    while (!signal.aborted) {
      const values = last === undefined ? [now] : [now, last]
      const [row] = await change<{ id: string | number }>(controller, 'named', sql(values.length > 1), values)
      if (!row) break
      last = row.id
    }
    signal.throwIfAborted()
  }
}
