/**
 * Idempotency keys: a creating request with an `Idempotency-Key` (IETF draft "The Idempotency-Key HTTP Header Field")
 * creates one task, however often it is sent. The key is stored in the transaction that creates the task.
 */
import { createHash } from 'node:crypto'
import { type Controller, collectErrorChain, type EntityInstance, UniqueConstraint } from 'interaqt'
import { APIError } from '../lib/api.js'
import { newIds } from './database/ids.js'
import { databaseOf, physicalEntity, sendAlong } from './database/sql.js'
import { createdAt } from './entities.js'
import { addOnce, text } from './model.js'

export const IDEMPOTENCY_KEY = 'Idempotency-Key'
export const MAX_IDEMPOTENCY_KEY_LENGTH = 255

const QUOTED = /^"((?:[ !#-[\]-~]|\\["\\])*)"$/
/** Not in the draft, but many clients send it. A comma would join two headers. */
const BARE = /^[!#-+\--~]+$/

/** The key of a header's value, quoted as in the draft or bare; undefined if it has none. */
export function parseIdempotencyKey(header: string): string | undefined {
  const key = QUOTED.exec(header)?.[1]?.replace(/\\(["\\])/g, '$1') ?? BARE.exec(header)?.[0]
  return key && key.length <= MAX_IDEMPOTENCY_KEY_LENGTH ? key : undefined
}

export const IDEMPOTENCY_KEYS = 'IdempotencyKey'
const UNIQUE_VIOLATION = '23505'

/** Adds the entity of the keys to the application's model, once. */
export function addIdempotencyKeys(entities: EntityInstance[]): void {
  addOnce(entities, IDEMPOTENCY_KEYS, () => ({
    // Digests, as keys and users' ids may be too long for an index.
    properties: [...['scope', 'request', 'taskId'].map(text), createdAt()],
    constraints: [
      UniqueConstraint.create({
        name: `${IDEMPOTENCY_KEYS}_scope`,
        properties: ['scope'],
        violationCode: 'IDEMPOTENCY_KEY_TAKEN',
      }),
    ],
  }))
}

/** A creating request with an idempotency key. */
export interface KeyedRequest {
  key: string
  /** The creating API's path. */
  api: string
  /** Null for all anonymous callers together. */
  userId: string | null
  params: object
}

/** Runs inside the transaction that creates a task: creates it, or returns the existing task's id. */
export type MakeOnce = (make: () => Promise<string>) => Promise<string>

type StoredKey = Record<'request' | 'taskId', string>

/** The idempotency keys of one integration. */
export class IdempotencyKeys {
  /** Keys whose task this process is creating. Other processes hold an advisory lock. */
  readonly #making = new Set<string>()

  constructor(private readonly controller: Controller) {}

  /**
   * Has `create` create the request's task, unless that was done before.
   *
   * @param create creates a task in a transaction, inside which it calls its argument
   * @returns the id of the one task
   * @throws APIError 409 while the first such request is under way, 422 if the key belongs to another request
   */
  async makeOnce(
    { key, api, userId, params }: KeyedRequest,
    create: (once: MakeOnce) => Promise<string>,
  ): Promise<string> {
    const scope = digest([api, userId, key])
    const request = digest(params)
    if (this.#making.has(scope)) throw stillUnderWay()
    this.#making.add(scope)
    try {
      return await create((make) => this.#makeUnlessKnown(scope, request, make))
    } catch (error) {
      if (this.#isTaken(error)) throw stillUnderWay(error)
      throw error
    } finally {
      this.#making.delete(scope)
    }
  }

  async #makeUnlessKnown(scope: string, request: string, make: () => Promise<string>): Promise<string> {
    const { locked, known } = await this.#lockAndFind(scope)
    if (known) return taskAgain(known, request)
    if (!locked) throw stillUnderWay()
    const taskId = await make()
    await this.#store({ scope, request, taskId })
    return taskId
  }

  /** Nobody listens to keys, so that it needs none of interaqt's care; and it goes with the COMMIT, which fails if it does. */
  async #store({ scope, request, taskId }: StoredKey & { scope: string }): Promise<void> {
    const { table, column, idType } = physicalEntity(this.controller, IDEMPOTENCY_KEYS)
    const columns = ['scope', 'request', 'taskId', 'createdAt', 'id'].map(column).join(', ')
    const { values, of } = await newIds(this.controller, IDEMPOTENCY_KEYS, 1)
    const sql =
      `INSERT INTO ${table} (${columns})` +
      ` SELECT $1, $2, $3, $4::float8, ${of('id')} FROM (SELECT $5::${idType} AS id) AS given`
    await sendAlong(this.controller, sql, [scope, request, taskId, Date.now() / 1000, ...values])
  }

  #isTaken(error: unknown): boolean {
    const { table } = physicalEntity(this.controller, IDEMPOTENCY_KEYS)
    return collectErrorChain(error).some((item) => {
      const given = item as { code?: unknown; table?: unknown }
      return given.code === UNIQUE_VIOLATION && `"${given.table}"` === table
    })
  }

  /**
   * The lock is held until the transaction's end, across all processes; nobody waits for it. If its previous holder has
   * committed meanwhile, the key is not found, and the unique constraint refuses a second one.
   */
  async #lockAndFind(scope: string): Promise<{ locked: boolean; known: StoredKey | null }> {
    const { table, column } = physicalEntity(this.controller, IDEMPOTENCY_KEYS)
    const known =
      `SELECT json_build_object('request', ${column('request')}, 'taskId', ${column('taskId')}) FROM ${table}` +
      ` WHERE ${column('scope')} = $2`
    const sql = `SELECT pg_try_advisory_xact_lock($1::bigint) AS locked, (${known}) AS known`
    const id = BigInt.asIntN(64, BigInt(`0x${scope.slice(0, 16)}`))
    const rows = await databaseOf(this.controller).query<{ locked: boolean; known: StoredKey | null }>(sql, [
      String(id),
      scope,
    ])
    return rows[0] ?? { locked: false, known: null }
  }
}

function taskAgain(known: StoredKey, request: string): string {
  if (known.request === request) return known.taskId
  const error = `This ${IDEMPOTENCY_KEY} was sent with another request: use a new key for each`
  throw new APIError(422, { success: false, error, reason: 'idempotency_key_reused' })
}

function stillUnderWay(cause?: unknown): APIError {
  const error = `The first request with this ${IDEMPOTENCY_KEY} is still under way: send it again a little later`
  return new APIError(409, { success: false, error, reason: 'idempotency_key_in_use' }, { cause, retryAfterSeconds: 1 })
}

/** Equal for equal values, in whatever order objects name their fields. */
function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value, sorted)).digest('hex')
}

function sorted(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}
