import { randomBytes } from 'node:crypto'
import type { Controller } from 'interaqt'
import { APIError } from '../../lib/api.js'
import type { Acceptance, TaskPolicy, TaskRequest, TaskState } from '../../protocol/index.js'
import type { CallEntityNames } from '../entities.js'
import { findRowId } from '../task-reader.js'
import { carryOut } from '../task-store.js'
import { logSteps, type TaskLogger } from '../transition-log.js'

/** Whose tasks, and by which policy: what the APIs of one integration that change tasks have in common. */
export interface TaskAPIOptions {
  namespace: string
  entities: CallEntityNames
  policy: TaskPolicy
  /** Most tasks that may be queued or processing at once. Default: any number. */
  maxTasksInFlight?: number | undefined
  /** Told of each move of a task. Default: nobody is. */
  logger?: TaskLogger | undefined
}

/**
 * Puts a request to the protocol and carries out what it decides.
 *
 * @throws APIError 404 where there is no such task, 409 with the reason where the request is refused
 */
export async function requestOfTask(
  controller: Controller,
  { namespace, entities, policy, maxTasksInFlight, logger }: TaskAPIOptions,
  apiCallId: string,
  request: TaskRequest,
): Promise<{ answer: Acceptance; state: TaskState }> {
  const newToken = randomBytes(16).toString('base64url')
  const chance = { newToken, random: Math.random() }
  const outcome = await carryOut(controller, entities, apiCallId, request, { ...chance, policy }, maxTasksInFlight)
  if (!outcome) throw taskNotFound()
  const { answer, state, task, steps } = outcome
  const { id, taskKey, createdAt } = task
  if (logger) logSteps(logger, { namespace, apiCallId: id, taskKey, createdAt }, steps)
  if (answer.ok) return { answer, state }
  throw new APIError(409, { success: false, error: answer.error, reason: answer.reason, status: state.status })
}

/**
 * As above, from an operator, who may name the task by either of its ids.
 *
 * @throws APIError as above
 */
export async function operatorRequestOfTask(
  controller: Controller,
  options: TaskAPIOptions,
  idOrKey: string,
  request: TaskRequest,
): Promise<TaskState> {
  const apiCallId = await findRowId(controller, options.entities, idOrKey)
  if (apiCallId === undefined) throw taskNotFound()
  return (await requestOfTask(controller, options, apiCallId, request)).state
}

/** What a caller is told of a task that is not there. */
export function taskNotFound(): APIError {
  return new APIError(404, { success: false, error: 'Task not found' })
}
