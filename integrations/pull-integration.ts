/** The base of every integration whose tasks are pulled: from a small definition, everything main and the daemon need. */
import { type Controller, Relation, Transform } from 'interaqt'
import type { z } from 'zod'
import type { APICall } from '../protocol/attempt.js'
import { DEFAULT_TASK_POLICY } from '../protocol/index.js'
import { buildAPIPath, integrationTaskQueue, urlBelow } from '../protocol/names.js'
import type { RunHandles } from '../protocol/run-handles.js'
import { createOperatorAPIs } from '../tasks/apis/cancel-and-retry.js'
import { API_CALL_FIELDS, createFetchPendingTasksAPI, FETCH_PENDING_TASKS } from '../tasks/apis/fetch-pending-tasks.js'
import { createRunAPIs } from '../tasks/apis/manual-handles.js'
import { createTaskAPIs } from '../tasks/apis/public-tasks.js'
import { createReportTaskEventAPI } from '../tasks/apis/report.js'
import { createRunsToCheckAPI, RUNS_TO_CHECK } from '../tasks/apis/runs-to-check.js'
import { callEntityNames, createCallEntities, labelled } from '../tasks/entities.js'
import { addIdempotencyKeys } from '../tasks/idempotency.js'
import { prepareRemoval, type RemovalBatch, removeEndedTasks } from '../tasks/retention.js'
import { createTaskIndexes } from '../tasks/task-store.js'
import type {
  API,
  IIntegration,
  IIntegrationConstructor,
  IIntegrationConstructorArgs,
  PullModeConfig,
} from './index.js'

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
  /** The public APIs that create such records and show their tasks: `api/<namespace>/<createName>`, `…/tasks/:taskId`. */
  api?: {
    namespace: string
    createName: string
    toRecord(params: Params): Record<string, unknown>
  }
}

/** Makes the integration class of a definition. */
export function createPullIntegration<Params extends z.ZodObject, Result extends z.ZodType>(
  definition: PullIntegrationDefinition<Params, Result>,
  options: PullIntegrationOptions<z.input<Params>>,
): IIntegrationConstructor {
  const names = callEntityNames(definition.entityPrefix)
  const sourceRelation = `${names.apiCall}Source`
  const policy = {
    ...DEFAULT_TASK_POLICY,
    ...(options.maxAttempts !== undefined && { maxAttempts: options.maxAttempts }),
    ...(options.stuckTimeoutSeconds !== undefined && { stuckTimeoutSeconds: options.stuckTimeoutSeconds }),
  }

  function publicAPIs(): API[] {
    if (!options.source?.api) return []
    const { entityName: sourceEntity, dueAtProperty, userProperty, api } = options.source
    const { requestSchema, resultSchema } = definition
    const { enabled, maxOpenTasksPerUser } = options
    return createTaskAPIs({
      enabled,
      maxOpenTasksPerUser,
      namespace: api.namespace,
      createName: api.createName,
      names,
      sourceEntity,
      dueAtProperty,
      userProperty,
      toRecord: (params) => api.toRecord(params as z.input<Params>),
      requestSchema,
      resultSchema,
      maxTasksInFlight: options.maxTasksInFlight,
    })
  }

  function runAPIs(namespace: string): API[] {
    const { manualHandles } = definition
    if (manualHandles === undefined || options.runs === undefined) return []
    return createRunAPIs({
      namespace,
      entities: names,
      buildWorkflowId,
      ...manualHandles,
      ...options.runs,
      pollSeconds: options.pollSeconds,
    })
  }

  return class PullIntegration implements IIntegration {
    readonly #args: IIntegrationConstructorArgs

    constructor(args: IIntegrationConstructorArgs) {
      this.#args = args
    }

    async configure(): Promise<void> {
      const { entities, relations } = this.#args
      const { apiCall, integrationEvent } = createCallEntities(names, policy.maxAttempts)
      if (options.source) {
        const { entityName, toRequestParams, dueAtProperty = '', userProperty } = options.source
        const source = entities.find((entity) => entity.name === entityName)
        if (!source) throw new Error(`${definition.name}: the application has no entity ${entityName} to make tasks of`)
        apiCall.computation = Transform.create({
          eventDeps: { created: { recordName: entityName, type: 'create' } },
          callback: labelled(
            `${names.apiCall}.of.${entityName}.v3`,
            ({ record }: { record: Record<string, unknown> }) => ({
              requestParams: definition.requestSchema.parse(toRequestParams(record)),
              source: { id: record.id },
              ...(typeof record[userProperty] === 'string' && { userId: record[userProperty] }),
              ...(typeof record[dueAtProperty] === 'number' && { state: { dueAt: record[dueAtProperty] } }),
            }),
          ),
        })
        relations.push(
          Relation.create({
            name: sourceRelation,
            source: apiCall,
            sourceProperty: 'source',
            target: source,
            targetProperty: 'apiCalls',
            type: 'n:1',
          }),
        )
      }
      entities.push(apiCall, integrationEvent)
      if (options.source?.api) addIdempotencyKeys(entities)
    }

    async setup(controller: Controller): Promise<void> {
      await createTaskIndexes(controller, names, options.source && sourceRelation)
      await prepareRemoval(controller, names)
    }

    removeEnded(controller: Controller, batch: RemovalBatch): Promise<number> {
      return removeEndedTasks(controller, names, batch)
    }

    createSideEffects(): [] {
      return []
    }

    createAPIs(): API[] {
      const { namespace, logger } = this.#args
      const { maxTasksInFlight } = options
      const shared = { namespace, entities: names, policy, maxTasksInFlight, logger }
      const fetching = createFetchPendingTasksAPI({
        namespace,
        apiCallEntity: { entityName: names.apiCall, fields: API_CALL_FIELDS },
        maxAttempts: policy.maxAttempts,
        stuckTimeoutSeconds: policy.stuckTimeoutSeconds,
        maxTasksInFlight,
      })
      return [
        fetching,
        // Earlier daemons post the same parameters.
        { ...fetching, method: 'POST' },
        createReportTaskEventAPI({
          ...shared,
          name: definition.reportAPIName,
          resultSchema: definition.resultSchema,
        }),
        createRunsToCheckAPI(shared),
        ...createOperatorAPIs(shared),
        ...runAPIs(namespace),
        ...publicAPIs(),
      ]
    }

    getPullModeConfig(): PullModeConfig<z.output<Params>> | null {
      if (options.enabled === false) return null
      const { namespace } = this.#args
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
          reportTaskEvent: callbackUrl,
          runsToCheck: url(RUNS_TO_CHECK),
        },
      }
    }
  }
}

function buildWorkflowId({ id }: { id: string }): string {
  return id
}
