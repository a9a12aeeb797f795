/**
 * Which daemons ask for tasks. Each main keeps in memory who asks it, and writes it to the database, of which all mains
 * read: at once what is new, else at most every ten seconds, of all integrations by one statement. So nothing is written
 * for a request.
 */
import { type Controller, Entity, type EntityInstance, Property, UniqueConstraint } from 'interaqt'
import type { Logger } from 'pino'
import { manyListeners, pause } from '../lib/abort.js'
import type { DaemonIdentity } from '../protocol/daemon-identity.js'
import { CLOCK, databaseOf, inTransaction, newIds, physicalEntity, reading } from './database/sql.js'

const DAEMONS = 'TaskDaemon'

const WRITE_EVERY_MS = 10_000
/** What is new at the same time is written together. */
const GATHERED_FOR_MS = 100
/** After its last look an asker that waits is known to wait until the next one. */
const PARKED_SECONDS = WRITE_EVERY_MS / 1000 + 5
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

/** What this process knows of a daemon. Times are its own, in milliseconds. */
interface Asker extends DaemonIdentity {
  apiCall: string
  seenAt: number
  askedAt: number | null
  /** Its requests for tasks that are not answered yet. */
  parked: number
  /** Written last: when, and what was new. */
  writtenAt: number
  written: string | null
}

/** Adds the entity to the application's model, once. */
export function addDaemons(entities: EntityInstance[]): void {
  if (entities.some(({ name }) => name === DAEMONS)) return
  const text = (name: string) => Property.create({ name, type: 'string' })
  const number = (name: string) => Property.create({ name, type: 'number' })
  entities.push(
    Entity.create({
      name: DAEMONS,
      properties: [
        ...['apiCall', 'name', 'version', 'state'].map(text),
        ...['seenAt', 'askedAt', 'parkedUntil'].map(number),
      ],
      constraints: [
        UniqueConstraint.create({
          name: `${DAEMONS}_one`,
          properties: ['apiCall', 'name'],
          violationCode: 'DAEMON_TWICE',
        }),
      ],
    }),
  )
}

const ofControllers = new WeakMap<Controller, Daemons>()

export function daemonsOf(controller: Controller): Daemons {
  const known = ofControllers.get(controller) ?? new Daemons(controller)
  ofControllers.set(controller, known)
  return known
}

export class Daemons {
  readonly #askers = new Map<string, Asker>()
  #wake: (() => void) | undefined

  constructor(private readonly controller: Controller) {}

  /**
   * A daemon asks main.
   *
   * @param forTasks whether for tasks to claim
   * @returns what ends it, once it is answered
   */
  asks(apiCall: string, daemon: DaemonIdentity | undefined, forTasks: boolean): () => void {
    const { name, version, state } = daemon ?? { name: '', version: '', state: 'running' }
    const key = JSON.stringify([apiCall, name])
    const now = performance.now()
    const known = this.#askers.get(key)
    const asker: Asker = known ?? {
      ...{ apiCall, name, version, state, seenAt: now, askedAt: null, parked: 0 },
      ...{ writtenAt: Number.NEGATIVE_INFINITY, written: null },
    }
    const asks = forTasks && state === 'running'
    Object.assign(asker, { version, state, seenAt: now, ...(asks && { askedAt: now }) })
    if (asks) asker.parked += 1
    this.#askers.set(key, asker)
    if (dueAt(asker) <= now) this.#wake?.()
    return () => {
      if (asks) asker.parked -= 1
    }
  }

  /** All that were heard from within an hour. */
  async list(): Promise<KnownDaemon[]> {
    const { table, column } = physicalEntity(this.controller, DAEMONS)
    const fields = ['apiCall', 'name', 'version', 'state', 'seenAt', 'askedAt']
    const sql =
      `SELECT ${fields.map((field) => `${column(field)} AS "${field}"`).join(', ')},` +
      ` coalesce(${column('parkedUntil')} > ${CLOCK}, false) AS parked FROM ${table}` +
      ` WHERE ${column('seenAt')} > ${CLOCK} - ${FORGOTTEN_AFTER_SECONDS} ORDER BY ${column('apiCall')}, ${column('name')}`
    return reading(this.controller, `${DAEMONS}:list`, () => databaseOf(this.controller).query<KnownDaemon>(sql, []))
  }

  /** When a daemon last asked for tasks of an integration, in unix seconds; null if none did, for long. */
  async lastAsked(apiCall: string): Promise<number | null> {
    const { table, column } = physicalEntity(this.controller, DAEMONS)
    const sql = `SELECT max(${column('askedAt')})::float8 AS at FROM ${table} WHERE ${column('apiCall')} = $1`
    const [row] = await reading(this.controller, `${DAEMONS}:last`, () =>
      databaseOf(this.controller).query<{ at: number | null }>(sql, [apiCall]),
    )
    return row?.at ?? null
  }

  /** Writes down who asks, until `stopping` aborts. */
  async keepWriting({ stopping, logger }: { stopping: AbortSignal; logger: Pick<Logger, 'warn'> }): Promise<void> {
    manyListeners(stopping)
    while (!stopping.aborted) {
      const next = Math.min(...[...this.#askers.values()].map(dueAt), performance.now() + WRITE_EVERY_MS)
      await pause(next - performance.now(), stopping, (wake) => {
        this.#wake = wake
        return () => {
          this.#wake = undefined
        }
      })
      await pause(GATHERED_FOR_MS, stopping)
      if (stopping.aborted) return
      try {
        await this.#write()
      } catch (error) {
        logger.warn({ err: error }, 'which daemons ask could not be noted')
      }
    }
  }

  async #write(): Promise<void> {
    const now = performance.now()
    const due = [...this.#askers.values()].filter((asker) => dueAt(asker) <= now)
    if (due.length === 0) return
    const isNew = due.some(({ written }) => written === null)
    for (const [key, { seenAt, parked }] of this.#askers) {
      if (parked === 0 && now - seenAt > FORGOTTEN_AFTER_SECONDS * 1000) this.#askers.delete(key)
    }
    // Also if it fails, so that it is not tried at once.
    for (const asker of due) Object.assign(asker, { writtenAt: now, written: asker.state })
    await inTransaction(this.controller, `${DAEMONS}:write`, async () => {
      await this.#upsert(due, now)
      if (isNew) await this.#forget()
    })
  }

  async #upsert(askers: Asker[], now: number): Promise<void> {
    const { controller } = this
    const { table, column, idType } = physicalEntity(controller, DAEMONS)
    const ids = await newIds(controller, DAEMONS, askers.length)
    const seconds = (time: number) => (now - time) / 1000
    const all = <Value>(read: (asker: Asker) => Value) => askers.map(read)
    const given: Array<[type: string, name: string, values: unknown[]]> = [
      ['text', 'call', all(({ apiCall }) => apiCall)],
      ['text', 'name', all(({ name }) => name)],
      ['text', 'version', all(({ version }) => version)],
      ['text', 'state', all(({ state }) => state)],
      ['float8', 'seen', all((asker) => (isParked(asker) ? 0 : seconds(asker.seenAt)))],
      [
        'float8',
        'asked',
        all((asker) => (isParked(asker) ? 0 : asker.askedAt === null ? null : seconds(asker.askedAt))),
      ],
      // Whoever waits at another main is left waiting.
      ['float8', 'parked', all((asker) => (isParked(asker) ? PARKED_SECONDS : asker.state === 'draining' ? 0 : null))],
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

  async #forget(): Promise<void> {
    const { table, column } = physicalEntity(this.controller, DAEMONS)
    const sql = `DELETE FROM ${table} WHERE ${column('seenAt')} < ${CLOCK} - ${FORGOTTEN_AFTER_SECONDS}`
    await databaseOf(this.controller).query(sql, [])
  }
}

/** Of one integration. */
export interface AskingDaemons {
  running: number
  draining: number
  /** How long ago one last asked for tasks; null if none did within an hour. */
  askedSecondsAgo: number | null
}

const HEARD_WITHIN_SECONDS = 60

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

/** When it is to be written next, by the clock of `performance.now()`. */
function dueAt(asker: Asker): number {
  const { state, written, writtenAt, seenAt } = asker
  if (written !== state) return Number.NEGATIVE_INFINITY
  return seenAt > writtenAt || isParked(asker) ? writtenAt + WRITE_EVERY_MS : Number.POSITIVE_INFINITY
}

/** Whether it waits for tasks: a daemon that stops has broken that off, even if main does not know yet. */
function isParked({ parked, state }: Asker): boolean {
  return parked > 0 && state === 'running'
}
