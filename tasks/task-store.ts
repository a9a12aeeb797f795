/** What is written of an integration's tasks. It carries out; the protocol decides. */
import { type Controller, MatchExp } from 'interaqt'
import {
  claimableAt,
  type Decision,
  type DecisionContext,
  decide,
  evolve,
  isLive,
  type TaskEvent,
  type TaskRequest,
  type TaskState,
  uncheckedSince,
} from '../protocol/index.js'
import { arrivalsOf } from './arrivals.js'
import { databaseOf, databaseTime, inTransaction, physicalEntity } from './database/sql.js'
import type { CallEntityNames, IntegrationEventRecord } from './entities.js'
import type { MakeOnce } from './idempotency.js'
import { ensureMayOpenTask } from './open-tasks-limit.js'
import { isFull } from './task-limits.js'
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
