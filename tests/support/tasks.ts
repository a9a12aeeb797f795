/** Plants tasks in a main component: as rows are made, and moved by appended events as everything moves them. */
import type { Controller } from 'interaqt'
import { DEFAULT_TASK_POLICY, type TaskEvent, type TaskState } from '@/protocol/index.js'
import { inTransaction } from '@/tasks/database/sql.js'
import { type CallEntityNames, callEntityNames } from '@/tasks/entities.js'
import { TaskReader } from '@/tasks/task-reader.js'

export const TEST_TASKS = callEntityNames('TestAsyncTask')
export const TEST_API = '/api/testAsyncTask'

/** No pauses and no leases: then nothing hangs on how long a database takes. */
export const policyWithoutPauses = {
  ...DEFAULT_TASK_POLICY,
  stuckTimeoutSeconds: 0,
  retryBackoff: { first: 0, max: 0 },
  releaseBackoff: { first: 0, max: 0 },
}

export interface PlantedTask {
  createdAt?: number
  /** Default: one as new rows get. */
  taskKey?: string
  /** Default: none, which counts as 0. */
  priority?: number
  /** Default: nobody's. */
  userId?: string
  /** Default: none. */
  webhook?: string
  /** What differs from a new row's state; its status is `pending`. */
  state?: Partial<TaskState>
  events?: TaskEvent[]
}

/** Creates an APICall and appends events to it; gives its id. */
export function plantTask(
  controller: Controller,
  { createdAt, taskKey, priority, userId, webhook, state, events = [] }: PlantedTask = {},
  names: CallEntityNames = TEST_TASKS,
): Promise<string> {
  const { storage } = controller.system
  return inTransaction(controller, 'plant', async () => {
    const { id } = await storage.create(names.apiCall, {
      requestParams: { kind: 'simple' },
      ...(createdAt !== undefined && { createdAt }),
      ...(taskKey !== undefined && { taskKey }),
      ...(priority !== undefined && { priority }),
      ...(userId !== undefined && { userId }),
      ...(webhook !== undefined && { webhook }),
      ...(state && { state }),
    })
    for (const data of events) {
      await storage.create(names.integrationEvent, {
        apiCallId: String(id),
        eventType: data.type,
        attempt: data.attempt,
        // As an event says, where it does.
        at: (data as { at?: number }).at ?? Date.now() / 1000,
        data,
      })
    }
    return String(id)
  })
}

/** The public id of a task, by its row's. */
export async function taskKeyOf(controller: Controller, id: string, names = TEST_TASKS): Promise<string> {
  const task = await new TaskReader(controller, names).find(id)
  if (!task) throw new Error(`There is no task ${id}`)
  return task.taskKey
}

export const events = {
  queued: (attempt: number, leaseExpiresAt: number): TaskEvent => ({
    type: 'queued',
    attempt,
    fencingToken: `token-${attempt}-${leaseExpiresAt}`,
    startedAt: leaseExpiresAt - 300,
    leaseExpiresAt,
    takeOver: false,
    alone: false,
    adopted: false,
  }),
  processing: (attempt: number): TaskEvent => ({
    type: 'processing',
    attempt,
    runId: 'run-1',
    fencingToken: 'token-processing',
    providerTask: null,
  }),
  completed: (attempt: number): TaskEvent => ({
    type: 'completed',
    attempt,
    runId: 'run-1',
    fencingToken: 'token-completed',
    result: { success: true, steps: [] },
  }),
  failed: (attempt: number, dueAt: number, retryable = true): TaskEvent => ({
    type: 'failed',
    attempt,
    runId: 'run-1',
    fencingToken: 'token-failed',
    error: { code: 'broken', message: 'It broke' },
    retryable,
    dueAt,
    providerEnded: false,
    intent: null,
  }),
  cancelled: (attempt: number): TaskEvent => ({
    type: 'cancelled',
    attempt,
    fencingToken: 'token-cancelled',
    by: 'operator',
    reason: null,
  }),
}
