/** What the APIs read and write of an integration's tasks. It carries out; the protocol decides. */
import { type Controller, MatchExp } from 'interaqt'
import {
  claimableAt,
  type Decision,
  type DecisionContext,
  decide,
  evolve,
  isLive,
  type TaskError,
  type TaskEvent,
  type TaskEventType,
  type TaskRequest,
  type TaskState,
  uncheckedSince,
} from '../protocol/index.js'
import { arrivalsOf } from './arrivals.js'
import { createClaimableIndexes } from './claimable.js'
import { createIndex, databaseOf, databaseTime, inTransaction, physicalEntity, reading } from './database/sql.js'
import type { CallEntityNames, IntegrationEventRecord } from './entities.js'
import type { MakeOnce } from './idempotency.js'
import { isFull } from './in-flight-limit.js'
import { ensureMayOpenTask, isOpen } from './open-tasks-limit.js'
import type { StoredStep } from './transition-log.js'

/** A decision that has been carried out, and the row as it is now. */
export interface CarriedOut {
  answer: Decision['answer']
  state: TaskState
  task: Pick<LockedTask, 'id' | 'taskKey' | 'createdAt'>
  /** What was appended, or noted, in order. */
  steps: StoredStep[]
}

/**
 * Decides a request about one task and carries the decision out, in one transaction: lock the row, decide,
 * append the decision's events, or note a look on the row. A refusal is stored too, as some carry an event.
 *
 * @param maxTasksInFlight most tasks that may be queued or processing at once; without it, any number
 * @returns undefined where there is no such task
 * @throws what the database throws; then nothing has been stored
 */
export async function carryOut(
  controller: Controller,
  names: CallEntityNames,
  apiCallId: string,
  request: TaskRequest,
  context: Omit<DecisionContext, 'taskKey' | 'now' | 'atCapacity'>,
  maxTasksInFlight?: number,
): Promise<CarriedOut | undefined> {
  const carriedOut = await inTransaction(controller, `${names.apiCall}:${request.status}`, async () => {
    const row = await lockTask(controller, names, apiCallId)
    if (!row) return undefined
    const joins = request.status === 'queued' && maxTasksInFlight !== undefined && !isLive(row.state)
    const atCapacity = joins && (await isFull(controller, names, maxTasksInFlight))
    const now = await databaseTime(controller)
    const { events, answer } = decide(row.state, request, { ...context, taskKey: row.taskKey, now, atCapacity })
    const steps = await appendEvents(controller, names, row, events, now)
    const state = steps.at(-1)?.after ?? row.state
    const due = (claimableAt(state) ?? Number.POSITIVE_INFINITY) <= now
    return { answer, state, task: row, steps, wakes: due || (isLive(row.state) && !isLive(state)) }
  })
  if (carriedOut?.wakes) arrivalsOf(controller, names.apiCall).wake()
  return carriedOut
}

interface LockedTask {
  id: string
  taskKey: string
  createdAt: number
  state: TaskState
}

async function lockTask(
  controller: Controller,
  names: CallEntityNames,
  apiCallId: string,
): Promise<LockedTask | undefined> {
  const { table, column, parseId } = physicalEntity(controller, names.apiCall)
  const id = parseId(apiCallId)
  if (id === null) return undefined
  const sql =
    `SELECT ${column('taskKey')} AS "taskKey", ${column('createdAt')} AS "createdAt", ${column('state')} AS state` +
    ` FROM ${table} WHERE ${column('id')} = $1 FOR UPDATE`
  const [row] = await databaseOf(controller).query<Omit<LockedTask, 'id'>>(sql, [id])
  return row && { ...row, id: String(id) }
}

async function appendEvents(
  controller: Controller,
  names: CallEntityNames,
  row: LockedTask,
  events: TaskEvent[],
  at: number,
): Promise<StoredStep[]> {
  const steps: StoredStep[] = []
  let before = row.state
  for (const event of events) {
    const after = evolve(before, event)
    if (event.type === 'checked') {
      await noteLook(controller, names, row.id, after)
    } else {
      const record: IntegrationEventRecord = {
        apiCallId: row.id,
        eventType: event.type,
        attempt: event.attempt,
        at,
        supersedes: event.type === 'queued' && !event.adopted ? (before.fencingToken ?? '') : null,
        data: event.type === 'completed' ? { ...event, result: null } : event,
      }
      // Before the task is completed: who listens for that finds it.
      if (event.type === 'completed') await storeResult(controller, names, row.id, event.result)
      await controller.system.storage.create(names.integrationEvent, record)
    }
    steps.push({ event, before, after, at })
    before = after
  }
  return steps
}

/** A result is kept once, in its column: neither the event nor `state` repeats it. */
async function storeResult(
  controller: Controller,
  { apiCall }: CallEntityNames,
  apiCallId: string,
  result: unknown,
): Promise<void> {
  await controller.system.storage.update(apiCall, MatchExp.atom({ key: 'id', value: ['=', apiCallId] }), { result })
}

/**
 * A run is looked at each minute, for as long as it lives. That moves no status and is no history: it is written on
 * the row, which the caller holds locked, into every column that follows from a look. What interaqt keeps of its own
 * beside them is the status alone.
 */
async function noteLook(
  controller: Controller,
  names: CallEntityNames,
  apiCallId: string,
  state: TaskState,
): Promise<void> {
  const { table, column, parseId } = physicalEntity(controller, names.apiCall)
  const sql =
    `UPDATE ${table} SET ${column('state')} = $2::json, ${column('claimableAt')} = $3::float8,` +
    ` ${column('uncheckedSince')} = $4::float8 WHERE ${column('id')} = $1`
  const values = [parseId(apiCallId), JSON.stringify(state), claimableAt(state), uncheckedSince(state)]
  await databaseOf(controller).query(sql, values)
}

/** Whose task is asked for, and how many that user may have open. */
export interface Asker {
  /** Null for nobody in particular. */
  userId: string | null
  /** Without it, any number. */
  maxOpenTasks: number | undefined
}

/**
 * Creates the business record that asks for a task, and gives the key of the task that interaqt computed
 * from it, in the same transaction.
 *
 * @param once called inside the transaction, to make the task or not
 * @throws APIError 429 where the user has as many tasks open as may be
 */
export async function createTaskOf(
  controller: Controller,
  names: CallEntityNames,
  sourceEntity: string,
  record: Record<string, unknown>,
  { userId, maxOpenTasks }: Asker,
  once: MakeOnce = (make) => make(),
): Promise<string> {
  const make = async () => {
    if (maxOpenTasks !== undefined) await ensureMayOpenTask(controller, names, userId, maxOpenTasks)
    const { storage } = controller.system
    const { id } = await storage.create(sourceEntity, record)
    const ofSource = MatchExp.atom({ key: 'source.id', value: ['=', id] })
    const task = await storage.findOne(names.apiCall, ofSource, undefined, ['taskKey'])
    if (!task) throw new Error(`No ${names.apiCall} was computed from ${sourceEntity} ${id}`)
    return String(task.taskKey)
  }
  const taskKey = await inTransaction(controller, `${sourceEntity}:create`, () => once(make))
  arrivalsOf(controller, names.apiCall).wake()
  return taskKey
}

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
    const task = await findRow(controller, names, 'taskKey', taskKey, viewer)
    if (!task) return undefined
    const entries = await readTimeline(controller, names, task.id, timelineAfter)
    const timeline = entries.slice(0, TIMELINE_PAGE)
    const timelineNext = entries.length > TIMELINE_PAGE ? timelineAfter + TIMELINE_PAGE : null
    return { ...task, result: await readResult(controller, names, task), timeline, timelineNext }
  })
}

/** In every version's rows it is in the column; those of earlier ones repeat it elsewhere. */
async function readResult(controller: Controller, names: CallEntityNames, { id, state }: StoredTask): Promise<unknown> {
  if (state.status !== 'completed') return null
  const { table, column, parseId } = physicalEntity(controller, names.apiCall)
  const sql = `SELECT ${column('result')} AS result FROM ${table} WHERE ${column('id')} = $1`
  const [row] = await databaseOf(controller).query<{ result: unknown }>(sql, [parseId(id)])
  return row?.result ?? null
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

async function findRow(
  controller: Controller,
  names: CallEntityNames,
  key: 'id' | 'taskKey',
  value: string | number,
  viewer: Viewer = 'operator',
): Promise<StoredTask | undefined> {
  const { table, column } = physicalEntity(controller, names.apiCall)
  const fields = (['id', 'taskKey', 'state', 'createdAt'] as const).map((name) => `${column(name)} AS "${name}"`)
  // Whose it is, is asked together with whether it is there: both are answered alike, and take as long.
  const all = `SELECT ${fields.join(', ')} FROM ${table} WHERE ${column(key)} = $1`
  const database = databaseOf(controller)
  const [row] =
    viewer === 'operator'
      ? await database.query<StoredTask>(all, [value])
      : await database.query<StoredTask>(`${all} AND ${column('userId')} IS NOT DISTINCT FROM $2`, [
          value,
          viewer.userId,
        ])
  return row && { ...row, id: String(row.id) }
}

/** Makes the indexes that interaqt cannot declare. May run again and again, and from several processes. */
export async function createTaskIndexes(
  controller: Controller,
  names: CallEntityNames,
  sourceRelation?: string,
): Promise<void> {
  const calls = physicalEntity(controller, names.apiCall)
  const events = physicalEntity(controller, names.integrationEvent)
  await createClaimableIndexes(controller, names)
  await createIndex(controller, {
    name: `${names.apiCall}_by_key`,
    table: calls.table,
    keys: calls.column('taskKey'),
  })
  await createIndex(controller, {
    name: `${names.apiCall}_open`,
    table: calls.table,
    keys: calls.column('userId'),
    where: isOpen(calls),
  })
  await createIndex(controller, {
    name: `${names.apiCall}_unchecked`,
    table: calls.table,
    keys: calls.column('uncheckedSince'),
    where: `${calls.column('uncheckedSince')} IS NOT NULL`,
  })
  await createIndex(controller, {
    name: `${names.integrationEvent}_of_call`,
    table: events.table,
    keys: events.column('apiCallId'),
  })
  if (sourceRelation !== undefined) {
    const link = physicalEntity(controller, sourceRelation)
    await createIndex(controller, {
      name: `${names.apiCall}_of_source`,
      table: link.table,
      keys: link.column('target'),
    })
  }
}
