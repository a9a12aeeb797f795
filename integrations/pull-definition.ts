/** What an integration says of itself, and an application of how it runs it. */
import type { z } from 'zod'
import type { RunHandles } from '../protocol/run-handles.js'
import type { WebhookOptions } from '../tasks/webhooks.js'

/** What is particular to one integration, whatever application runs it. */
export interface PullIntegrationDefinition<Params extends z.ZodObject, Result extends z.ZodType> {
  /** The integration's folder; gives its task queue. */
  name: string
  /** As `FangzhouVideo`, for the entities `FangzhouVideoAPICall` and `FangzhouVideoIntegrationEvent`. */
  entityPrefix: string
  workflowName: string
  reportAPIName: string
  /** For workflows that wait for a provider: how main reaches their runs. */
  manualHandles?: {
    /** The name of the API that asks how far a run is, as `queryFangzhouVideoStatus`. */
    queryAPIName: string
    /** Whether the provider can be told to call back when a task of it has moved on. */
    takesCallbacks: boolean
  }
  requestSchema: Params
  resultSchema: Result
}

/** How one application runs it. */
export interface PullIntegrationOptions<Params> {
  /** Where the daemon reaches main. */
  mainUrl: string
  /** Whether its tasks are pulled. Default: true. */
  enabled?: boolean
  /** Attempts a new task is allowed. Default: 5. */
  maxAttempts?: number
  /** Seconds that a claim may stay queued before another may take it over. Default: 300. */
  stuckTimeoutSeconds?: number
  /** Most tasks that may be queued or processing at once; the others wait as pending. Default: any number. */
  maxTasksInFlight?: number | undefined
  /** Most tasks that one user may have open. Default: any number. */
  maxOpenTasksPerUser?: number | undefined
  /** Most requests a minute that all workers together may send to the provider. Default: any number. */
  requestsPerMinute?: number | undefined
  /** How long one request to the provider may take, in milliseconds. */
  requestTimeoutMs?: number | undefined
  /** How long a run waits at least from one look at the provider to the next, in seconds. Default: 10. */
  pollSeconds?: number | undefined
  /** How main reaches the runs of its tasks; the daemon does without. */
  runs?: { handles: RunHandles; callbackSecrets: readonly string[] }
  /** How webhooks are delivered. Without it, nobody can name one. */
  webhooks?: WebhookOptions | undefined
  /** Where tasks come from. Without it, the application creates APICalls itself. */
  source?: TaskSource<Params>
}

/** A business entity, from the creation of whose records interaqt computes APICalls. */
export interface TaskSource<Params> {
  entityName: string
  toRequestParams(record: Record<string, unknown>): Params
  /** The property with the time, unix seconds, before which the task is not due; a record without it is due at once. */
  dueAtProperty?: string
  /** The property with the id of the user whose task it is; a record without it asks for nobody's. */
  userProperty: string
  /** The property with the URL that is told of the task's end; a record without it tells nobody. */
  webhookProperty?: string
  /** The public APIs that create such records and show their tasks: `api/<namespace>/<createName>`, `…/tasks/:taskId`. */
  api?: {
    namespace: string
    createName: string
    toRecord(params: Params): Record<string, unknown>
  }
}

/** The task's part of its workflows' ids. */
export function buildWorkflowId({ id }: { id: string }): string {
  return id
}
