/** Reads tasks and their events from main's tables by plain SQL, without main's code. */
import { z } from 'zod'
import type { TaskKind } from '../../stack/task-client.js'

export type Query = <Row extends object>(sql: string, params?: unknown[]) => Promise<Row[]>

const nullableNumber = z.number().nullish()

/** A stored event of any type: fields that a type does not have are missing. */
const eventSchema = z.object({
  type: z.string(),
  attempt: z.number(),
  fencingToken: z.string().optional(),
  runId: z.string().nullish(),
  leaseExpiresAt: nullableNumber,
  dueAt: nullableNumber,
  retryable: z.boolean().optional(),
  adopted: z.boolean().optional(),
  claimId: z.string().optional(),
})

const taskRowSchema = z.object({
  id: z.coerce.string(),
  taskKey: z.string(),
  status: z.string(),
  attempts: z.number(),
  requestParams: z.object({ prompt: z.string().optional(), message: z.string().optional() }),
  state: z.object({
    status: z.string(),
    attempts: z.number(),
    attemptLimit: z.number(),
    retryable: z.boolean(),
    fencingToken: z.string().nullable(),
    checkedAt: nullableNumber,
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
  }),
})

const eventRowSchema = z.object({
  apiCallId: z.string(),
  at: z.number(),
  supersedes: z.string().nullable(),
  data: eventSchema,
})

export interface StoredEvent extends z.output<typeof eventSchema> {
  /** The database's time, unix seconds. */
  at: number
  supersedes: string | null
}

export interface StoredTask extends z.output<typeof taskRowSchema> {
  kind: TaskKind
  /** In the order in which they were appended. */
  events: StoredEvent[]
}

/** The entities of each kind of task, and the namespace of its internal APIs. */
export const KINDS: Record<TaskKind, { entity: string; namespace: string }> = {
  video: { entity: 'FangzhouVideo', namespace: 'fangzhouVideoGeneration' },
  image: { entity: 'Nanobanana2', namespace: 'nanobanana2ImageGeneration' },
  test: { entity: 'TestAsyncTask', namespace: 'testAsyncTask' },
}
const TASK_KINDS = Object.keys(KINDS) as TaskKind[]

/** Every task of every kind with all its events. */
export async function readTasks(query: Query): Promise<StoredTask[]> {
  return (await Promise.all(TASK_KINDS.map((kind) => readTasksOf(kind, query)))).flat()
}

/** In one statement: a row and its events at one moment, while others may write. */
async function readTasksOf(kind: TaskKind, query: Query): Promise<StoredTask[]> {
  const calls = `${KINDS[kind].entity}APICall`
  const table = `${KINDS[kind].entity}IntegrationEvent`
  const call = await columnsOf(calls, query)
  const column = await columnsOf(table, query)
  const [row] = await query<{ tasks: unknown; events: unknown }>(
    `SELECT (SELECT coalesce(json_agg(task), '[]') FROM (${selectTasks(calls, call)}) task) AS tasks,` +
      ` (SELECT coalesce(json_agg(event ORDER BY event.id), '[]') FROM (` +
      `SELECT ${column('id', 'integer', 'uuid')} AS id, ${column('apiCallId', 'text')} AS "apiCallId",` +
      ` ${column('at', 'double precision')} AS at, ${column('supersedes', 'text')} AS supersedes,` +
      ` ${column('data', 'json')} AS data FROM "${table}") event) AS events`,
  )
  const tasks = z.array(taskRowSchema).parse(row?.tasks)
  const eventsByTask = new Map<string, StoredEvent[]>(tasks.map(({ id }) => [id, []]))
  for (const { apiCallId, at, supersedes, data } of z.array(eventRowSchema).parse(row?.events)) {
    const events = eventsByTask.get(apiCallId)
    if (!events) throw new Error(`${table} has an event of a task that does not exist: ${apiCallId}`)
    events.push({ ...data, at, supersedes })
  }
  return tasks.map((task) => ({ ...task, kind, events: eventsByTask.get(task.id) ?? [] }))
}

export interface TaskCounts {
  all: number
  /** Tasks that only an operator can move. */
  final: number
  byStatus: Record<string, number>
}

export async function countTasks(query: Query): Promise<TaskCounts> {
  const tasks = (await Promise.all(TASK_KINDS.map((kind) => readRows(kind, query)))).flat()
  const byStatus: Record<string, number> = {}
  for (const { status } of tasks) byStatus[status] = (byStatus[status] ?? 0) + 1
  return { all: tasks.length, final: tasks.filter(isFinal).length, byStatus }
}

/** The harness's mark on its tasks: the first word of the prompt or message. */
export function markerOf({ requestParams: { prompt, message } }: Pick<StoredTask, 'requestParams'>): string {
  return (prompt ?? message ?? '').split(' ')[0] ?? ''
}

export function isFinal({ status, state }: Pick<StoredTask, 'status' | 'state'>): boolean {
  if (status === 'failed') return !state.retryable || state.attempts >= state.attemptLimit
  return status === 'completed' || status === 'cancelled'
}

async function readRows(kind: TaskKind, query: Query): Promise<Array<z.output<typeof taskRowSchema>>> {
  const table = `${KINDS[kind].entity}APICall`
  return z.array(taskRowSchema).parse(await query(selectTasks(table, await columnsOf(table, query))))
}

function selectTasks(table: string, column: Columns): string {
  return (
    `SELECT ${column('id', 'integer', 'uuid')} AS id, ${column('taskKey', 'text')} AS "taskKey",` +
    ` ${column('status', 'text')} AS status, ${column('attempts', 'double precision')} AS attempts,` +
    ` ${column('requestParams', 'json')} AS "requestParams", ${column('state', 'json')} AS state FROM "${table}"`
  )
}

type Columns = (property: string, ...types: string[]) => string

/**
 * Finds a property's column: interaqt names it by the first letters of entity and property, and a hash. The first
 * that fits is the entity's own; later ones are of records merged into its table.
 */
export async function columnsOf(table: string, query: Query): Promise<Columns> {
  const columns = await query<{ name: string; type: string }>(
    'SELECT column_name AS name, data_type AS type FROM information_schema.columns WHERE table_name = $1 ORDER BY ordinal_position',
    [table],
  )
  const entity = table.slice(0, 3).toLowerCase()
  return (property, ...types) => {
    const start = `${entity}_${property.slice(0, 3).toLowerCase()}_`
    const column = columns.find((candidate) => candidate.name.startsWith(start) && types.includes(candidate.type))
    if (!column) throw new Error(`${table} has no column for ${property}`)
    return `"${column.name}"`
  }
}
