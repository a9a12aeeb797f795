/** The daemons that all mains of a database know of: one row for each, of each integration. */
import { type Controller, type EntityInstance, UniqueConstraint } from 'interaqt'
import type { DaemonIdentity } from '../protocol/daemon-identity.js'
import { newIds } from './database/ids.js'
import { CLOCK, databaseOf, physicalEntity, reading } from './database/sql.js'
import { addOnce, number, text } from './model.js'

const DAEMONS = 'TaskDaemon'

const FORGOTTEN_AFTER_SECONDS = 3600

/** One that is gone has said so, last of all. */
type DaemonState = DaemonIdentity['state'] | 'gone'

/** A daemon as all mains know it, of one integration. Times are unix seconds. */
export interface KnownDaemon {
  /** The integration's entity. */
  apiCall: string
  /** Empty for those of earlier versions, which do not say who they are. */
  name: string
  version: string
  state: DaemonState
  /** When main last heard from it. */
  seenAt: number
  /** When it last asked for tasks; null if it never did. */
  askedAt: number | null
  /** Whether main has it wait for tasks now, as far as it was noted. */
  parked: boolean
}

/** What is noted of a daemon. Times are so many seconds ago, or from now. */
export interface DaemonNote extends Pick<KnownDaemon, 'apiCall' | 'name' | 'version' | 'state'> {
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
    ` updated AS (UPDATE ${table} AS known SET ${column('version')} = version,` +
    // What another main heard earlier changes nothing.
    ` ${column('state')} = CASE WHEN ${seen} >= known.${column('seenAt')} THEN state ELSE known.${column('state')} END,` +
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
  /** That did not say that they stop, and keep silent: they hang, or were killed. */
  silent: number
  /** How long ago one last asked for tasks; null if none did within an hour. */
  askedSecondsAgo: number | null
}

/** One that works asks for tasks, or for runs to check, each half a minute or so; one that stops only says when it is done. */
const HEARD_WITHIN_SECONDS = { running: 60, draining: 300, gone: 0 }
/** Where none has asked for so long, tasks wait for one: daemons ask again at least every 25 s. */
export const DAEMON_MISSING_SECONDS = 30

/**
 * - `asking`: it has asked for tasks lately, or waits for some
 * - `not_asking`: it is there, and asks for none: a gate of it is closed, as Temporal is away, say
 * - `draining`: it is stopping
 * - `silent`: nobody has heard from it lately: it hangs, or was killed
 */
export const DAEMON_CONDITIONS = ['asking', 'not_asking', 'draining', 'silent'] as const

type Seen = Pick<KnownDaemon, 'state' | 'seenAt' | 'askedAt' | 'parked'>

export function conditionOf({ state, seenAt, askedAt, parked }: Seen, now: number): (typeof DAEMON_CONDITIONS)[number] {
  if (now - seenAt >= HEARD_WITHIN_SECONDS[state]) return 'silent'
  if (state === 'draining') return 'draining'
  return parked || now - (askedAt ?? 0) < HEARD_WITHIN_SECONDS.running ? 'asking' : 'not_asking'
}

/** Counts those that main heard from, of each integration. */
export function countDaemons(daemons: KnownDaemon[], now = Date.now() / 1000): (apiCall: string) => AskingDaemons {
  return (apiCall) => {
    const own = daemons.filter((daemon) => daemon.apiCall === apiCall)
    const inState = (wanted: DaemonState, isSilent: boolean) =>
      own.filter((daemon) => daemon.state === wanted && isSilent === (conditionOf(daemon, now) === 'silent')).length
    const lastAsked = Math.max(...own.map(({ askedAt }) => askedAt ?? 0), 0)
    const askedSecondsAgo = lastAsked > 0 ? Math.max(0, now - lastAsked) : null
    return {
      running: inState('running', false),
      draining: inState('draining', false),
      silent: inState('running', true),
      askedSecondsAgo,
    }
  }
}
