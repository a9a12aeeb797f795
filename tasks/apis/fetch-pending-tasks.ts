import { type API, type APIContext, createAPI } from '../../lib/api.js'
import { DEFAULT_TASK_POLICY } from '../../protocol/index.js'
import { FETCH_PENDING_TASKS } from '../../protocol/names.js'
import { fetchPendingTasksAnswerSchema, fetchPendingTasksQuerySchema, type PendingTask } from '../../protocol/wire.js'
import { Arrivals } from '../arrivals.js'
import { countInFlight, inOrder, NOW, secondsUntilNextDue, selectClaimable } from '../claimable.js'
import { idsWithinUsersLimits } from '../claimable-per-user.js'
import { databaseOf, type PhysicalEntity, physicalEntity, reading } from '../database/sql.js'
import { msUntil } from '../task-arrivals.js'
import type { InFlightLimits } from '../task-limits.js'

/** What is read of a task, and the entity's property that holds it. */
export interface TaskFields {
  /** Distinguishes rows whose id is reused after a wipe or a restore. Without it, the row's id is the key. */
  taskKey?: string
  status: string
  attempts: string
  startedAt: string
  /** Higher ones are listed first. Without it, the oldest are. */
  priority?: string
  createdAt: string
  requestParams: string
  /** The task's user, for `maxTasksInFlightPerUser`. */
  userId?: string
  /** The task's state, which tells whether an operator lets it through. */
  state?: string
  /** When the row becomes claimable; null if it does not. Without it, status, attempts and startedAt decide. */
  claimableAt?: string
}

const NEEDED = ['status', 'attempts', 'startedAt', 'createdAt', 'requestParams'] as const

/** The properties of an APICall made by `createCallEntities`, which have these names. */
export const API_CALL_FIELDS = Object.fromEntries(
  [...NEEDED, 'taskKey', 'priority', 'userId', 'state', 'claimableAt'].map((name) => [name, name]),
) as Readonly<Record<keyof TaskFields, string>>

export interface FetchPendingTasksOptions {
  namespace: string
  apiCallEntity: { entityName: string; fields: TaskFields }
  /** For an entity without `claimableAt`: attempts before a task fails for good. Default 5. */
  maxAttempts?: number
  /** For an entity without `claimableAt`: seconds after which a queued task's lease expires. Default 300. */
  stuckTimeoutSeconds?: number
  /** How many tasks may be queued or processing at once, at this moment. Default: any number. */
  limits?: () => Promise<InFlightLimits>
  /** Wakes a parked request. Without it, such a request looks each second. */
  arrivals?: () => Pick<Arrivals<unknown>, 'count' | 'next' | 'lookEveryMs'>
  /** Notes that a daemon asks; gives what ends it. Default: nobody notes it. */
  asks?: (daemon: APIContext['daemon']) => () => void
}

/**
 * Makes `GET fetchPendingTasks`: the claimable tasks, by the database's clock, the highest priority first, and of one
 * priority the oldest. With `waitSeconds` (long poll), a request that finds none is parked until there is one.
 *
 * @throws TypeError if a field is not named; the API itself throws if the entity has no such property
 */
export function createFetchPendingTasksAPI({
  namespace,
  apiCallEntity: { entityName, fields },
  maxAttempts = DEFAULT_TASK_POLICY.maxAttempts,
  stuckTimeoutSeconds = DEFAULT_TASK_POLICY.stuckTimeoutSeconds,
  limits = async () => ({}),
  arrivals: arrivalsOf = () => new Arrivals(),
  asks = () => () => {},
}: FetchPendingTasksOptions): API {
  const missing = NEEDED.find((field) => fields[field] === undefined)
  if (missing) throw new TypeError(`fields.${missing} is missing: name the property of ${entityName} that holds it`)
  return createAPI({
    name: FETCH_PENDING_TASKS,
    namespace,
    method: 'GET',
    internal: true,
    summary: `The ${namespace} tasks that may be claimed now, the highest priority first, and of one priority the oldest`,
    params: fetchPendingTasksQuerySchema,
    answer: fetchPendingTasksAnswerSchema,
    async callback({ signal, daemon }, { limit, waitSeconds = 0 }) {
      const answered = asks(daemon)
      const entity = physicalEntity(this, entityName)
      const read = <Row>(what: string, query: string) =>
        reading(this, `${entityName}:${what}`, () => databaseOf(this).query<Row>(query, []))
      const arrivals = arrivalsOf()
      const waitUntil = performance.now() + waitSeconds * 1000
      try {
        for (;;) {
          const seen = arrivals.count
          const inForce = await limits()
          const sql = selectTasks(entity, fields, { limit, maxAttempts, stuckTimeoutSeconds, ...inForce })
          const found = await read<PendingTask & { inFlight: number }>('fetch', sql)
          const rows = withinCapacity(found, inForce.maxTasksInFlight)
          const leftMs = waitUntil - performance.now()
          if (rows.length > 0 || leftMs <= 0 || signal.aborted) {
            return { tasks: rows.map(({ inFlight: _, ...row }) => ({ ...row, id: String(row.id) })) }
          }
          const [next] = await read<{ seconds: number | null }>('next-due', selectNextDue(entity, fields))
          await arrivals.next(seen, Math.min(leftMs, arrivals.lookEveryMs, msUntil(next?.seconds ?? null)), signal)
        }
      } finally {
        answered()
      }
    },
  })
}

/** Leaves out what would exceed the limit; a queued task is already in flight. */
function withinCapacity<Row extends { status: string; inFlight: number }>(
  rows: Row[],
  max = Number.POSITIVE_INFINITY,
): Row[] {
  let free = max - (rows[0]?.inFlight ?? 0)
  return rows.filter(({ status }) => status === 'queued' || free-- > 0)
}

function selectNextDue({ table, column }: PhysicalEntity, { status, claimableAt }: TaskFields): string {
  if (claimableAt === undefined) return 'SELECT NULL AS seconds'
  const columns = { status: column(status), claimableAt: column(claimableAt) }
  return `SELECT ${secondsUntilNextDue(table, columns)} AS seconds`
}

type Selected = Required<Pick<FetchPendingTasksOptions, 'maxAttempts' | 'stuckTimeoutSeconds'>> &
  InFlightLimits & { limit: number }

/** The query. Its numbers are literals, so that the database plans for them. */
export function selectTasks(
  entity: PhysicalEntity,
  fields: TaskFields,
  { limit, maxAttempts, stuckTimeoutSeconds, ...limits }: Selected,
): string {
  const { table, column } = entity
  const [id, status, createdAt] = [column('id'), column(fields.status), column(fields.createdAt)]
  const sorted = { id, createdAt, ...(fields.priority !== undefined && { priority: column(fields.priority) }) }
  // Without a limit nothing has to be counted.
  const { maxTasksInFlight = Number.POSITIVE_INFINITY, maxTasksInFlightPerUser: perUser, budgets } = limits
  const limited = Number.isFinite(maxTasksInFlight)
  const flying = limited ? `WITH flying AS MATERIALIZED (SELECT ${countInFlight(table, status)} AS count) ` : ''
  const counted = limited ? '(SELECT count FROM flying)' : '0'
  // At capacity only take-overs are allowed: waiting tasks must not hide them.
  const hasPlace = limited ? `${counted} < ${Number(maxTasksInFlight)}` : 'TRUE'
  const mayJoin = budgets && budgets.free <= 0 ? 'FALSE' : hasPlace
  const byStatus = () => {
    const failed = `${status} = 'failed' AND ${column(fields.attempts)} < ${Number(maxAttempts)}`
    const stuck = `${status} = 'queued' AND ${column(fields.startedAt)} <= ${NOW} - ${Number(stuckTimeoutSeconds)}`
    return `(${status} = 'pending' OR (${failed}) OR (${stuck})) AND (${status} = 'queued' OR ${mayJoin})`
  }
  const byDueTime = (claimableAt: string) => {
    const columns = { ...sorted, status, claimableAt }
    const affordable = budgets?.ofUser
    const chosen =
      (perUser === undefined && !affordable) || fields.userId === undefined
        ? undefined
        : idsWithinUsersLimits(
            table,
            { ...columns, userId: column(fields.userId) },
            { limit, perUser, affordable, mayJoin },
          )
    const letThrough =
      budgets && fields.state !== undefined ? { state: column(fields.state), mayJoin: hasPlace } : undefined
    return `${id} IN (${selectClaimable(table, columns, limit, { mayJoin, chosen, letThrough })})`
  }
  const where = fields.claimableAt === undefined ? byStatus() : byDueTime(column(fields.claimableAt))
  const key = fields.taskKey === undefined ? `${id}::text` : column(fields.taskKey)
  const named = NEEDED.map((field) => `${column(fields[field])} AS "${field}"`).join(', ')
  return (
    `${flying}SELECT ${id} AS "id", ${key} AS "taskKey", ${named}, ${counted} AS "inFlight" FROM ${table}` +
    ` WHERE ${where} ORDER BY ${inOrder(sorted)} LIMIT ${Number(limit)}`
  )
}
