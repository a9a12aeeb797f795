import { APIError } from '../../lib/api.js'
import { observation } from '../../lib/observation.js'
import type { Acceptance, RefusalReason, TaskRequest, TaskState } from '../../protocol/index.js'
import type { LockedTask } from '../task-reader.js'
import type { RecordCarriedOut } from '../task-requests.js'
import type { TaskStore } from '../task-store.js'
import { type TaskLogger, tellSteps } from '../transition-log.js'

/** What the APIs of one integration share. */
export interface TaskAPIOptions {
  namespace: string
  /** Returns nothing before the integration is set up; its APIs may be made earlier. */
  store(): TaskStore
  /** Called on each transition of a task. Default: none. */
  logger?: TaskLogger | undefined
}

/** A request about a task that the protocol did not allow. */
export const requestRefused = observation<{ namespace: string; reason: RefusalReason }>('request-refused')

/**
 * Passes a request to the protocol and carries out the decision.
 *
 * @param record as of `carryOut`
 * @throws APIError 404 if the task does not exist, 409 with the reason if the request is refused
 */
export async function requestOfTask(
  { namespace, store, logger }: TaskAPIOptions,
  apiCallId: string | undefined,
  request: TaskRequest,
  record?: RecordCarriedOut,
): Promise<{ answer: Acceptance; state: TaskState; task: LockedTask }> {
  const outcome = apiCallId === undefined ? undefined : await store().carryOut(apiCallId, request, record)
  if (!outcome) throw taskNotFound()
  const { answer, state, task, steps } = outcome
  tellSteps(logger, namespace, task, steps)
  if (answer.ok) return { answer, state, task }
  requestRefused.tell({ namespace, reason: answer.reason })
  throw new APIError(409, { success: false, error: answer.error, reason: answer.reason, status: state.status })
}

/** The answer for a task that does not exist. */
export function taskNotFound(): APIError {
  return new APIError(404, { success: false, error: 'Task not found' })
}
