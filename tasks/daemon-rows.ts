/** The daemons that all mains of a database know of: one row for each, of each integration. */
import { type Controller, type EntityInstance, UniqueConstraint } from 'interaqt'
import type { DaemonIdentity } from '../protocol/daemon-identity.js'
import { CLOCK, databaseOf, newIds, physicalEntity, reading } from './database/sql.js'
import { addOnce, number, text } from './model.js'

const DAEMONS = 'TaskDaemon'

const FORGOTTEN_AFTER_SECONDS = 3600

/** A daemon as all mains know it, of one integration. Times are unix seconds. */
export interface KnownDaemon {
  /** The integration's entity. */
  apiCall: string
  /** Empty for those of earlier versions, which do not say who they are. */
  name: string
  version: string
  state: DaemonIdentity['state']
  /** When main last heard from it. */
  seenAt: number
  /** When it last asked for tasks; null if it never did. */
  askedAt: number | null
  /** Whether main has it wait for tasks now, as far as it was noted. */
  parked: boolean
}

/** What is noted of a daemon. Times are so many seconds ago, or from now. */
export interface DaemonNote extends DaemonIdentity {
  apiCall: string
  seenAgo: number
  /** Null if it did not ask for tasks. */
  askedAgo: number | null
  /** For how long it is known to wait for tasks; null if nobody here knows: another main may have it wait. */
  parkedFor: number | null
}

/** Adds the entity to the application's model, once. */
export function addDaemons(entities: EntityInstance[]): void {
  const one = { name: `${DAEMONS}_one`, properties: ['apiCall', 'name'], violationCode: 'DAEMON_TWICE' }
  addOnce(entities, DAEMONS, () => ({
    properties: [
      ...['apiCall', 'name', 'version', 'state'].map(text),
      ...['seenAt', 'askedAt', 'parkedUntil'].map(number),
    ],
    constraints: [UniqueConstraint.create(one)],
  }))
}

/** All that were heard from within an hour. */
export function listDaemons(controller: Controller): Promise<KnownDaemon[]> {
  const { table, column } = physicalEntity(controller, DAEMONS)
  const fields = ['apiCall', 'name', 'version', 'state', 'seenAt', 'askedAt']
  const sql =
    `SELECT ${fields.map((field) => `${column(field)} AS "${field}"`).join(', ')},` +
    ` coalesce(${column('parkedUntil')} > ${CLOCK}, false) AS parked FROM ${table}` +
    ` WHERE ${column('seenAt')} > ${CLOCK} - ${FORGOTTEN_AFTER_SECONDS} ORDER BY ${column('apiCall')}, ${column('name')}`
  return reading(controller, `${DAEMONS}:list`, () => databaseOf(controller).query<KnownDaemon>(sql, []))
}

/** When a daemon last asked for tasks of an integration, in unix seconds; null if none did, for long. */
export async function lastAsked(controller: Controller, apiCall: string): Promise<number | null> {
  const { table, column } = physicalEntity(controller, DAEMONS)
  const sql = `SELECT max(${column('askedAt')})::float8 AS at FROM ${table} WHERE ${column('apiCall')} = $1`
  const [row] = await reading(controller, `${DAEMONS}:last`, () =>
    databaseOf(controller).query<{ at: number | null }>(sql, [apiCall]),
  )
  return row?.at ?? null
}

/** Notes daemons, in the caller's transaction. */
export async function noteDaemons(controller: Controller, notes: DaemonNote[]): Promise<void> {
  const { table, column, idType } = physicalEntity(controller, DAEMONS)
  const ids = await newIds(controller, DAEMONS, notes.length)
  const all = <Name extends keyof DaemonNote>(name: Name) => notes.map((note) => note[name])
  const given: Array<[type: string, name: string, values: unknown[]]> = [
    ['text', 'call', all('apiCall')],
    ['text', 'name', all('name')],
    ['text', 'version', all('version')],
    ['text', 'state', all('state')],
    ['float8', 'seen', all('seenAgo')],
    ['float8', 'asked', all('askedAgo')],
    ['float8', 'parked', all('parkedFor')],
    [idType, 'id', ids.values],
  ]
  const columns = ['apiCall', 'name', 'version', 'state', 'seenAt', 'askedAt', 'parkedUntil', 'id'].map(column)
  const isIt = (of: string) => `${of}.${column('apiCall')} = given.call AND ${of}.${column('name')} = given.name`
  const [seen, asked, parked] = [`${CLOCK} - seen`, `${CLOCK} - asked`, `${CLOCK} + parked`]
  const sql =
    `WITH given AS (SELECT * FROM unnest(${given.map(([type], index) => `$${index + 1}::${type}[]`).join(', ')})` +
    ` AS given (${given.map(([, name]) => name).join(', ')})),` +
    ` updated AS (UPDATE ${table} AS known SET ${column('version')} = version, ${column('state')} = state,` +
    ` ${column('seenAt')} = greatest(known.${column('seenAt')}, ${seen}),` +
    ` ${column('askedAt')} = greatest(known.${column('askedAt')}, ${asked}),` +
    ` ${column('parkedUntil')} = coalesce(${parked}, known.${column('parkedUntil')})` +
    ` FROM given WHERE ${isIt('known')} RETURNING known.${column('apiCall')}, known.${column('name')})` +
    ` INSERT INTO ${table} (${columns.join(', ')})` +
    ` SELECT call, name, version, state, ${seen}, ${asked}, ${parked}, ${ids.of('id')} FROM given` +
    ` WHERE NOT EXISTS (SELECT 1 FROM updated WHERE ${isIt('updated')}) ON CONFLICT DO NOTHING`
  const values = given.map(([, , of]) => of)
  await databaseOf(controller).query(sql, values)
}

/** Forgets those that nobody has heard from for an hour. */
export async function forgetDaemons(controller: Controller): Promise<void> {
  const { table, column } = physicalEntity(controller, DAEMONS)
  const sql = `DELETE FROM ${table} WHERE ${column('seenAt')} < ${CLOCK} - ${FORGOTTEN_AFTER_SECONDS}`
  await databaseOf(controller).query(sql, [])
}

/** Of one integration. */
export interface AskingDaemons {
  running: number
  draining: number
  /** How long ago one last asked for tasks; null if none did within an hour. */
  askedSecondsAgo: number | null
}

const HEARD_WITHIN_SECONDS = 60
/** Where none has asked for so long, tasks wait for one: daemons ask again at least every 25 s. */
export const DAEMON_MISSING_SECONDS = 30

/** Counts those that main heard from lately, of each integration. */
export function countDaemons(daemons: KnownDaemon[], now = Date.now() / 1000): (apiCall: string) => AskingDaemons {
  return (apiCall) => {
    const own = daemons.filter((daemon) => daemon.apiCall === apiCall)
    const heard = own.filter(({ seenAt }) => now - seenAt < HEARD_WITHIN_SECONDS)
    const inState = (wanted: DaemonIdentity['state']) => heard.filter(({ state }) => state === wanted).length
    const lastAsked = Math.max(...own.map(({ askedAt }) => askedAt ?? 0), 0)
    const askedSecondsAgo = lastAsked > 0 ? Math.max(0, now - lastAsked) : null
    return { running: inState('running'), draining: inState('draining'), askedSecondsAgo }
  }
}
