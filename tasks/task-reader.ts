/** What is read of an integration's tasks: by their ids, and as the application shows them. */
import type { Controller } from 'interaqt'
import type { TaskError, TaskEventType, TaskState } from '../protocol/index.js'
import { databaseOf, physicalEntity, reading } from './database/sql.js'
import type { CallEntityNames } from './entities.js'

/** One thing that happened to a task. */
export interface TimelineEntry {
  type: TaskEventType
  attempt: number
  /** Unix seconds. */
  at: number
  /** Why this attempt failed. */
  error?: TaskError
  /** What its run waits for. */
  reason?: TaskError
}

export interface StoredTask {
  id: string
  taskKey: string
  state: TaskState
  createdAt: number
}

/** A task as the application shows it. */
export interface TaskView extends StoredTask {
  /** Null until the task is completed. `state` does not have it. */
  result: unknown
  timeline: TimelineEntry[]
  /** After which place the next page begins; null where there is none yet. */
  timelineNext: number | null
}

/** Who looks: an operator, to whom every task is shown, or a user, to whom their own are; null for nobody in particular. */
export type Viewer = 'operator' | { userId: string | null }

/**
 * The row's id, as the internal protocol has it, of a task that an operator names by either of its ids.
 *
 * No key has an id's form: ids are integers of up to ten digits, or UUIDs, and keys have 22 characters. Of the older
 * ones, with eight, one in three million is all digits; that one can be named by its row's id only.
 */
export function findRowId(
  controller: Controller,
  names: CallEntityNames,
  idOrKey: string,
): Promise<string | undefined> {
  const { table, column, parseId } = physicalEntity(controller, names.apiCall)
  if (parseId(idOrKey) !== null) return Promise.resolve(idOrKey)
  return reading(controller, `${names.apiCall}:findRowId`, async () => {
    const sql = `SELECT ${column('id')} AS id FROM ${table} WHERE ${column('taskKey')} = $1`
    const [row] = await databaseOf(controller).query<{ id: unknown }>(sql, [idOrKey])
    return row && String(row.id)
  })
}

/** Finds a task by its row's id; undefined where there is no such task. */
export function findTask(
  controller: Controller,
  names: CallEntityNames,
  apiCallId: string,
): Promise<StoredTask | undefined> {
  const id = physicalEntity(controller, names.apiCall).parseId(apiCallId)
  if (id === null) return Promise.resolve(undefined)
  return reading(controller, `${names.apiCall}:find`, () => findRow(controller, names, 'id', id))
}

/** Finds a task by its key; undefined where there is no such task. */
export function findTaskByKey(
  controller: Controller,
  names: CallEntityNames,
  taskKey: string,
): Promise<StoredTask | undefined> {
  return reading(controller, `${names.apiCall}:findByKey`, () => findRow(controller, names, 'taskKey', taskKey))
}

/** Most entries of a timeline that are read at once. */
const TIMELINE_PAGE = 100

/**
 * Reads a task and what has happened to it, oldest first, a page of it.
 *
 * @param timelineAfter how many entries to leave out: events are only ever appended, so it names a place
 * @returns undefined where there is no such task, or where it is not for this viewer to see: nothing tells which
 */
export function readTask(
  controller: Controller,
  names: CallEntityNames,
  taskKey: string,
  viewer: Viewer,
  timelineAfter = 0,
): Promise<TaskView | undefined> {
  return reading(controller, `${names.apiCall}:read`, async () => {
    // In every version's rows the result is in its column; those of earlier ones repeat it elsewhere.
    const fields = [...STORED, 'result'] as const
    const task = await findRow<StoredTask & { result: unknown }>(controller, names, 'taskKey', taskKey, viewer, fields)
    if (!task) return undefined
    const entries = await readTimeline(controller, names, task.id, timelineAfter)
    const timeline = entries.slice(0, TIMELINE_PAGE)
    const timelineNext = entries.length > TIMELINE_PAGE ? timelineAfter + TIMELINE_PAGE : null
    return { ...task, timeline, timelineNext }
  })
}

/** One more than a page, where there are more. Of an event's data, which may hold a result, only what is shown is read. */
async function readTimeline(
  controller: Controller,
  names: CallEntityNames,
  apiCallId: string,
  after: number,
): Promise<TimelineEntry[]> {
  const { table, column } = physicalEntity(controller, names.integrationEvent)
  const [type, data] = [column('eventType'), column('data')]
  const rows = await databaseOf(controller).query<TimelineEntry & { said: TaskError | null }>(
    `SELECT ${type} AS type, ${column('attempt')} AS attempt, ${column('at')} AS at,` +
      ` CASE ${type} WHEN 'failed' THEN ${data} -> 'error' WHEN 'waiting' THEN ${data} -> 'waitingFor' END AS said` +
      // Ids are given under the row's lock: their order is that of the events, whatever clocks do.
      ` FROM ${table} WHERE ${column('apiCallId')} = $1 ORDER BY ${column('id')} OFFSET $2 LIMIT ${TIMELINE_PAGE + 1}`,
    [apiCallId, after],
  )
  return rows.map(({ said, ...entry }) => {
    if (said === null) return entry
    const { code, message } = said
    return entry.type === 'failed' ? { ...entry, error: { code, message } } : { ...entry, reason: { code, message } }
  })
}

const STORED = ['id', 'taskKey', 'state', 'createdAt'] as const

async function findRow<Row extends StoredTask = StoredTask>(
  controller: Controller,
  names: CallEntityNames,
  key: 'id' | 'taskKey',
  value: string | number,
  viewer: Viewer = 'operator',
  fields: readonly string[] = STORED,
): Promise<Row | undefined> {
  const { table, column } = physicalEntity(controller, names.apiCall)
  const columns = fields.map((name) => `${column(name)} AS "${name}"`).join(', ')
  // Whose it is, is asked together with whether it is there: both are answered alike, and take as long.
  const all = `SELECT ${columns} FROM ${table} WHERE ${column(key)} = $1`
  const database = databaseOf(controller)
  const [row] =
    viewer === 'operator'
      ? await database.query<Row>(all, [value])
      : await database.query<Row>(`${all} AND ${column('userId')} IS NOT DISTINCT FROM $2`, [value, viewer.userId])
  return row && { ...row, id: String(row.id) }
}
