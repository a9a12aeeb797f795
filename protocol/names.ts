/** Every name that two parts of the system must agree on is built here, and nowhere else. */

/** The Temporal task queue of an integration folder: `integration-<lower-case name>-queue`. */
export function integrationTaskQueue(integrationName: string): string {
  return `integration-${integrationName.toLowerCase()}-queue`
}

/** The task queue beside it for requests to the provider: its rate is limited, reports to main are not. */
export function providerTaskQueue(taskQueue: string): string {
  return `${taskQueue.replace(/-queue$/, '')}-provider-queue`
}

/** The internal APIs that the daemon fetches from, in each integration's namespace. */
export const FETCH_PENDING_TASKS = 'fetchPendingTasks'
export const RUNS_TO_CHECK = 'runsToCheck'

/** The path of an integration's API, without a leading slash. */
export function buildAPIPath(namespace: string, apiName: string): string {
  return `api/${namespace}/${apiName}`
}

/**
 * The URL of a path below a base URL, which may have a path of its own.
 *
 * @param path without a leading slash
 */
export function urlBelow(baseUrl: string, path: string): string {
  // A base's last segment is replaced in resolving unless it ends with a slash.
  return new URL(path, baseUrl.endsWith('/') ? baseUrl : `${baseUrl}/`).href
}

/**
 * The id of the one workflow that an attempt may ever have.
 *
 * @param workflowId what the integration's `buildWorkflowId` gave
 * @param taskKey tells apart rows whose database id repeats after a wipe or a restore
 */
export function attemptWorkflowId(namespace: string, workflowId: string, taskKey: string, attempt: number): string {
  return `${namespace}:${workflowId}:${taskKey}:${attempt}`
}
