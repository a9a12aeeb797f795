/** A pull integration's definition, and the options with which an application runs it. */
import type { z } from 'zod'
import type { Prices } from '../protocol/index.js'
import type { RunHandles } from '../protocol/run-handles.js'
import type { Budgets } from '../tasks/budgets.js'
import type { TaskRules } from '../tasks/task-limits.js'
import type { TaskSource } from '../tasks/task-source.js'
import type { WebhookOptions } from '../tasks/webhooks.js'

/** What is particular to one integration, in any application. */
export interface PullIntegrationDefinition<Params extends z.ZodObject, Result extends z.ZodType> {
  /** The integration's folder. The task queue is named after it. */
  name: string
  /** `FangzhouVideo`, say, for the entities `FangzhouVideoAPICall` and `FangzhouVideoIntegrationEvent`. */
  entityPrefix: string
  workflowName: string
  reportAPIName: string
  /** For workflows that wait for a provider: how main reaches their runs. */
  manualHandles?: {
    /** The name of the API that queries a run's progress, such as `queryFangzhouVideoStatus`. */
    queryAPIName: string
    /** Whether the provider can call back when a task has moved on. */
    takesCallbacks: boolean
  }
  requestSchema: Params
  resultSchema: Result
}

type Limits = Pick<TaskRules, 'maxTasksInFlight' | 'maxTasksInFlightPerUser' | 'maxOpenTasksPerUser'>

/** How an application runs it. */
export interface PullIntegrationOptions<Params> extends Limits, Budgets {
  /** Where the daemon reaches main. */
  mainUrl: string
  /** Whether its tasks are pulled. Default: true. */
  enabled?: boolean
  /** The attempts of a new task. Default: 5. */
  maxAttempts?: number
  /** The lease: seconds that a claim may stay queued before another daemon may take it over. Default: 300. */
  stuckTimeoutSeconds?: number
  /** What the provider charges. Without it nobody knows what tasks cost, and there are no budgets. */
  prices?: Prices | undefined
  /** Most requests a minute to the provider, over all workers. Default: any number. */
  requestsPerMinute?: number | undefined
  /** Time-out of one request to the provider, in milliseconds. */
  requestTimeoutMs?: number | undefined
  /** The shortest pause between two polls of a run, in seconds. Default: 10. */
  pollSeconds?: number | undefined
  /** How main reaches its tasks' runs; the daemon does not need it. */
  runs?: { handles: RunHandles; callbackSecrets: readonly string[] }
  /** How webhooks are delivered. Without it, nobody can name one. */
  webhooks?: WebhookOptions | undefined
  /** Where tasks come from. Without it, the application creates APICalls itself. */
  source?: TaskSource<Params>
}

/** The task's part of its workflows' ids. */
export function buildWorkflowId({ id }: { id: string }): string {
  return id
}
