/** How many tasks of an integration are in flight: a provider may take only so many at once. */
import type { Controller } from 'interaqt'
import { databaseOf, physicalEntity } from './database/sql.js'
import type { CallEntityNames } from './entities.js'

/** The SQL condition for tasks in flight: claimed, and not ended. */
export function inFlight(statusColumn: string): string {
  return `${statusColumn} IN ('queued', 'processing')`
}

/** Counts the tasks in flight, as SQL. */
export function countInFlight(table: string, statusColumn: string): string {
  return `(SELECT count(*)::int FROM ${table} WHERE ${inFlight(statusColumn)})`
}

/**
 * Whether no more tasks may join those in flight. Claims that ask take turns until their transaction ends, in all
 * processes, so that two of them never take the one free place.
 */
export async function isFull(controller: Controller, { apiCall }: CallEntityNames, max: number): Promise<boolean> {
  await databaseOf(controller).query('SELECT pg_advisory_xact_lock(hashtext($1))', [`${apiCall}:in-flight`])
  return (await countTasksInFlight(controller, { apiCall })) >= max
}

/** How many there are at this moment, for nobody to rely on. */
export async function countTasksInFlight(
  controller: Controller,
  { apiCall }: Pick<CallEntityNames, 'apiCall'>,
): Promise<number> {
  const { table, column } = physicalEntity(controller, apiCall)
  const sql = `SELECT ${countInFlight(table, column('status'))} AS count`
  const [row] = await databaseOf(controller).query<{ count: number }>(sql, [])
  return row?.count ?? 0
}
