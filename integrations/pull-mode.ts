import type { z } from 'zod'
import type { APICall } from '../protocol/attempt.js'
import {
  buildAPIPath,
  CLAIM_TASKS,
  FETCH_PENDING_TASKS,
  integrationTaskQueue,
  RUNS_TO_CHECK,
  urlBelow,
} from '../protocol/names.js'
import type { PullModeConfig } from './index.js'
import { buildWorkflowId, type PullIntegrationDefinition, type PullIntegrationOptions } from './pull-definition.js'

/**
 * How the daemon serves an integration; null if its tasks are not pulled. It uses nothing of main's side, so that the
 * daemon does not load that.
 */
export function pullModeOf<Params extends z.ZodObject, Result extends z.ZodType>(
  namespace: string,
  definition: PullIntegrationDefinition<Params, Result>,
  options: Omit<PullIntegrationOptions<never>, 'source'>,
): PullModeConfig<z.output<Params>> | null {
  if (options.enabled === false) return null
  const url = (api: string) => urlBelow(options.mainUrl, buildAPIPath(namespace, api))
  const callbackUrl = url(definition.reportAPIName)
  return {
    enabled: true,
    taskQueue: integrationTaskQueue(definition.name),
    workflowName: definition.workflowName,
    requestsPerMinute: options.requestsPerMinute,
    requestTimeoutMs: options.requestTimeoutMs,
    buildWorkflowId,
    buildWorkflowParams: ({ id, requestParams }: APICall<z.output<Params>>) => ({
      apiCallId: id,
      requestParams,
      callbackUrl,
    }),
    internalAPIs: {
      fetchPendingTasks: url(FETCH_PENDING_TASKS),
      claimTasks: url(CLAIM_TASKS),
      reportTaskEvent: callbackUrl,
      runsToCheck: url(RUNS_TO_CHECK),
    },
  }
}
