/** Reads main's video tasks and their events by plain SQL, with none of main's code between. */
import { z } from 'zod'
import type { Query } from '@/tools/chaos/witnesses/database.js'

const TASKS = 'FangzhouVideoAPICall'
const EVENTS = 'FangzhouVideoIntegrationEvent'

const stateSchema = z.object({
  status: z.string(),
  attempts: z.number(),
  attemptLimit: z.number(),
  retryable: z.boolean(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  charges: z.record(z.string(), z.object({ attempt: z.number(), amount: z.number(), basis: z.string() })).default({}),
})

const resultSchema = z.object({ providerTaskId: z.string(), video: z.object({ key: z.string() }) })

const eventSchema = z.object({
  type: z.string(),
  attempt: z.number(),
  providerTask: z.object({ id: z.string(), attempt: z.number() }).nullish(),
  intent: z.object({ attempt: z.number(), at: z.number() }).nullish(),
})

const rowsSchema = z.object({
  tasks: z.array(
    z.object({
      id: z.coerce.string(),
      taskKey: z.string(),
      requestParams: z.object({ prompt: z.string() }),
      state: stateSchema,
      result: resultSchema.nullable(),
    }),
  ),
  events: z.array(z.object({ apiCallId: z.string(), at: z.number(), data: eventSchema })),
})

export interface StoredEvent extends z.output<typeof eventSchema> {
  /** The database's time, unix seconds. */
  at: number
}

export interface StoredVideo extends z.output<typeof stateSchema> {
  id: string
  taskKey: string
  prompt: string
  result: z.output<typeof resultSchema> | null
  /** In the order in which they were appended. */
  events: StoredEvent[]
}

/** Every video task, with all its events, as they are at one moment. */
export async function readVideos(query: Query): Promise<StoredVideo[]> {
  const task = await columnsOf(TASKS, query)
  const event = await columnsOf(EVENTS, query)
  const [row] = await query(
    `SELECT (SELECT coalesce(json_agg(task), '[]') FROM (SELECT ${task('id', 'integer')} AS id,` +
      ` ${task('taskKey', 'text')} AS "taskKey", ${task('requestParams', 'json')} AS "requestParams",` +
      ` ${task('state', 'json')} AS state, ${task('result', 'json')} AS result FROM "${TASKS}") task) AS tasks,` +
      ` (SELECT coalesce(json_agg(event ORDER BY event.id), '[]') FROM (SELECT ${event('id', 'integer')} AS id,` +
      ` ${event('apiCallId', 'text')} AS "apiCallId", ${event('at', 'double precision')} AS at,` +
      ` ${event('data', 'json')} AS data FROM "${EVENTS}") event) AS events`,
  )
  const { tasks, events } = rowsSchema.parse(row)
  const byTask = new Map<string, StoredEvent[]>(tasks.map(({ id }) => [id, []]))
  for (const { apiCallId, at, data } of events) byTask.get(apiCallId)?.push({ ...data, at })
  return tasks.map(({ id, taskKey, requestParams: { prompt }, state, result }) => {
    return { id, taskKey, prompt, ...state, result, events: byTask.get(id) ?? [] }
  })
}

/** Whether nothing but an operator can move the task. */
export function isFinal({ status, retryable, attempts, attemptLimit }: StoredVideo): boolean {
  if (status === 'failed') return !retryable || attempts >= attemptLimit
  return status === 'completed' || status === 'cancelled'
}

/**
 * Finds a property's column: interaqt names it by the first letters of entity and property, and a hash. The first
 * that fits is the entity's own; later ones are of records merged into its table.
 */
async function columnsOf(table: string, query: Query): Promise<(property: string, type: string) => string> {
  const columns = await query<{ name: string; type: string }>(
    'SELECT column_name AS name, data_type AS type FROM information_schema.columns WHERE table_name = $1 ORDER BY ordinal_position',
    [table],
  )
  return (property, type) => {
    const start = `${table.slice(0, 3)}_${property.slice(0, 3)}_`.toLowerCase()
    const column = columns.find((candidate) => candidate.name.startsWith(start) && candidate.type === type)
    if (!column) throw new Error(`${table} has no column for ${property}`)
    return `"${column.name}"`
  }
}
