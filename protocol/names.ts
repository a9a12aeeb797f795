/** Builds every name that two parts of the system must agree on. */

/** The Temporal task queue of an integration folder: `integration-<lower-case name>-queue`. */
export function integrationTaskQueue(integrationName: string): string {
  return `integration-${integrationName.toLowerCase()}-queue`
}

/** The task queue for its requests to the provider, which has a rate limit; reports to main do not. */
export function providerTaskQueue(taskQueue: string): string {
  return `${taskQueue.replace(/-queue$/, '')}-provider-queue`
}

/** The internal APIs by which the daemon gets its work, in each integration's namespace. */
export const FETCH_PENDING_TASKS = 'fetchPendingTasks'
export const CLAIM_TASKS = 'claimTasks'
export const RUNS_TO_CHECK = 'runsToCheck'

/** Where the operators' APIs are, as if they were an integration's: none may be called so. */
export const OPERATOR_NAMESPACE = 'operator'

/** What spans of an attempt are called by. */
export function attemptAttributes(integration: string, taskKey: string, attempt: number) {
  return { 'asynctask.integration': integration, 'asynctask.task': taskKey, 'asynctask.attempt': attempt }
}

/** The path of an integration's API, without a leading slash. */
export function buildAPIPath(namespace: string, apiName: string): string {
  return `api/${namespace}/${apiName}`
}

/**
 * Joins a path to a base URL, which may itself have a path.
 *
 * @param path without a leading slash
 */
export function urlBelow(baseUrl: string, path: string): string {
  // URL resolution replaces a base's last segment unless it ends with a slash.
  return new URL(path, baseUrl.endsWith('/') ? baseUrl : `${baseUrl}/`).href
}

/**
 * The id of the only workflow that an attempt may ever have.
 *
 * @param workflowId from the integration's `buildWorkflowId`
 * @param taskKey distinguishes rows whose database id repeats after a wipe or a restore
 */
export function attemptWorkflowId(namespace: string, workflowId: string, taskKey: string, attempt: number): string {
  return `${namespace}:${workflowId}:${taskKey}:${attempt}`
}

/** The code of a failure after which nobody knows whether the provider has made something, and charges for it. */
export const CREATE_ANSWER_LOST = 'create_answer_lost'
