import { APIError } from '../../lib/api.js'
import type { Acceptance, TaskRequest, TaskState } from '../../protocol/index.js'
import type { TaskStore } from '../task-store.js'
import { logSteps, type TaskLogger } from '../transition-log.js'

/** What the APIs of one integration have in common. */
export interface TaskAPIOptions {
  namespace: string
  /** There is none before the integration is set up; its APIs may be made before that. */
  store(): TaskStore
  /** Told of each move of a task. Default: nobody is. */
  logger?: TaskLogger | undefined
}

/**
 * Puts a request to the protocol and carries out what it decides.
 *
 * @throws APIError 404 where there is no such task, 409 with the reason where the request is refused
 */
export async function requestOfTask(
  { namespace, store, logger }: TaskAPIOptions,
  apiCallId: string | undefined,
  request: TaskRequest,
): Promise<{ answer: Acceptance; state: TaskState }> {
  const outcome = apiCallId === undefined ? undefined : await store().carryOut(apiCallId, request)
  if (!outcome) throw taskNotFound()
  const { answer, state, task, steps } = outcome
  const { id, taskKey, createdAt } = task
  if (logger) logSteps(logger, { namespace, apiCallId: id, taskKey, createdAt }, steps)
  if (answer.ok) return { answer, state }
  throw new APIError(409, { success: false, error: answer.error, reason: answer.reason, status: state.status })
}

/** What a caller is told of a task that is not there. */
export function taskNotFound(): APIError {
  return new APIError(404, { success: false, error: 'Task not found' })
}
