/**
 * What operators have set for an integration while main runs: whether it is paused, and limits that count instead of the
 * configured ones. Whoever claims shares a lock with others who do, until the claim is committed; who changes a setting
 * takes it alone, so that nothing is claimed afterwards by what was set before.
 */
import { type EntityInstance, MatchExp, UniqueConstraint } from 'interaqt'
import { z } from 'zod'
import { databaseTime, inTransaction, physicalEntity } from './database/sql.js'
import { addOnce, object, text } from './model.js'
import type { TaskRules } from './task-limits.js'
import type { TaskReader } from './task-reader.js'

const CONTROLS = 'IntegrationControl'

export const pauseSchema = z.object({
  /** Unix seconds. */
  since: z.number(),
  /** Whose credentials were used, the name that the request gave, and its reason. */
  who: z.string(),
  by: z.string(),
  why: z.string(),
})
type Pause = z.infer<typeof pauseSchema>

/** Set at run time: they override the configuration until they are cleared. */
export const runTimeLimits = {
  /** 0: nothing is claimed. */
  maxTasksInFlight: z.number().int().min(0).max(1_000_000),
  maxTasksInFlightPerUser: z.number().int().min(1).max(1_000_000),
  requestsPerMinute: z.number().int().min(1).max(1_000_000),
}
export type RunTimeLimits = Partial<Record<keyof typeof runTimeLimits, number>>

export interface IntegrationControl {
  paused: Pause | null
  limits: RunTimeLimits
}

/** Adds the entity to the application's model, once. */
export function addIntegrationControls(entities: EntityInstance[]): void {
  const one = { name: `${CONTROLS}_one`, properties: ['apiCall'], violationCode: 'CONTROLLED_TWICE' }
  addOnce(entities, CONTROLS, () => ({
    properties: [text('apiCall'), object('paused'), object('limits')],
    constraints: [UniqueConstraint.create(one)],
  }))
}

/** Shares the lock of an integration's settings until the transaction's end, as SQL. */
export function shareControl(lockParameter: '$1' | '$2', how: 'wait' | 'try'): string {
  return `pg_${how === 'try' ? 'try_' : ''}advisory_xact_lock_shared(hashtextextended(${lockParameter}, 0))`
}

export function controlLock({ names }: TaskReader): string {
  return `${names.apiCall}:control`
}

/** Reads the settings; for a claim, in a statement after the one that shares the lock. */
export async function readControl(tasks: TaskReader): Promise<IntegrationControl> {
  const { table, column } = physicalEntity(tasks.controller, CONTROLS)
  const sql = `SELECT ${column('paused')} AS paused, ${column('limits')} AS limits FROM ${table} WHERE ${column('apiCall')} = $1`
  const [row] = await tasks.query<{ paused: Pause | null; limits: RunTimeLimits | null }>(sql, [tasks.names.apiCall])
  return { paused: row?.paused ?? null, limits: row?.limits ?? {} }
}

/** The condition that operators have set nothing, as SQL. */
export function nothingSet({ controller, names }: TaskReader, parameter: (value: unknown) => string): string {
  const { table, column } = physicalEntity(controller, CONTROLS)
  const isSet = (name: string) => `coalesce(${column(name)}::text, 'null') NOT IN ('null', '{}')`
  const own = `${column('apiCall')} = ${parameter(names.apiCall)}`
  return `NOT EXISTS (SELECT FROM ${table} WHERE ${own} AND (${isSet('paused')} OR ${isSet('limits')}))`
}

/** The configured rules, and what operators have set since. Paused is as if there were no place for any task. */
export function rulesInForce(configured: TaskRules, { paused, limits }: IntegrationControl): TaskRules {
  return { ...configured, ...limits, ...(paused && { paused, maxTasksInFlight: 0 }) }
}

/**
 * Changes the settings in one transaction, after all claims that began before.
 *
 * @param record what is to be recorded of it in the same transaction
 */
export function changeControl(
  tasks: TaskReader,
  change: (before: IntegrationControl, now: number) => IntegrationControl,
  record: (after: IntegrationControl) => Promise<void>,
): Promise<IntegrationControl> {
  const { apiCall } = tasks.names
  return inTransaction(tasks.controller, `${apiCall}:control`, async () => {
    await tasks.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [controlLock(tasks)])
    const after = change(await readControl(tasks), await databaseTime(tasks.controller))
    const { storage } = tasks.controller.system
    const own = MatchExp.atom({ key: 'apiCall', value: ['=', apiCall] })
    if (await storage.findOne(CONTROLS, own)) await storage.update(CONTROLS, own, after)
    else await storage.create(CONTROLS, { apiCall, ...after })
    await record(after)
    return after
  })
}
