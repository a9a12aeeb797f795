/** A pull integration: its entities, the APIs for its tasks, and how the daemon pulls them. */
import { type Controller, Relation, Transform } from 'interaqt'
import type { z } from 'zod'
import { DEFAULT_TASK_POLICY, type TaskPolicy } from '../protocol/index.js'
import { integrationTaskQueue } from '../protocol/names.js'
import { createOperatorAPIs } from '../tasks/apis/cancel-and-retry.js'
import type { TaskAPIOptions } from '../tasks/apis/carry-out.js'
import { createClaimTasksAPI } from '../tasks/apis/claim-tasks.js'
import { createControlAPIs } from '../tasks/apis/control-integration.js'
import { API_CALL_FIELDS, createFetchPendingTasksAPI } from '../tasks/apis/fetch-pending-tasks.js'
import { createRunAPIs } from '../tasks/apis/manual-handles.js'
import { createOperatorActsAPI } from '../tasks/apis/operator-acts.js'
import { createTaskAPIs } from '../tasks/apis/public-tasks.js'
import { createReportTaskEventAPI } from '../tasks/apis/report.js'
import { createRunsToCheckAPI } from '../tasks/apis/runs-to-check.js'
import { addDaemons } from '../tasks/daemon-rows.js'
import { takeIdsInBlocks } from '../tasks/database/ids.js'
import { type RemovalBatch, removeEndedTasks } from '../tasks/ended-tasks.js'
import {
  type CallEntityNames,
  callEntityNames,
  createCallEntities,
  labelled,
  newTask,
  newTaskKey,
} from '../tasks/entities.js'
import { addIdempotencyKeys } from '../tasks/idempotency.js'
import { addIntegrationControls } from '../tasks/integration-control.js'
import { addOperatorActs, prepareOperatorActs } from '../tasks/operator-acts.js'
import type { OperatedTasks } from '../tasks/operators/index.js'
import { fitting } from '../tasks/request-size.js'
import { createSpendTable } from '../tasks/spend.js'
import { createTaskIndexes } from '../tasks/task-indexes.js'
import { TaskStore } from '../tasks/task-store.js'
import { logCreated } from '../tasks/transition-log.js'
import type { DueWebhooks } from '../tasks/webhooks.js'
import type { API, IIntegration, IIntegrationConstructorArgs, PullModeConfig } from './index.js'
import { buildWorkflowId, type PullIntegrationDefinition, type PullIntegrationOptions } from './pull-definition.js'
import { pullModeOf } from './pull-mode.js'

export class PullIntegration<Params extends z.ZodObject, Result extends z.ZodType> implements IIntegration {
  readonly #names: CallEntityNames
  readonly #sourceRelation: string
  readonly #policy: TaskPolicy
  #store: TaskStore | undefined

  constructor(
    private readonly args: IIntegrationConstructorArgs,
    private readonly definition: PullIntegrationDefinition<Params, Result>,
    private readonly options: PullIntegrationOptions<z.input<Params>>,
  ) {
    const { maxAttempts = DEFAULT_TASK_POLICY.maxAttempts } = options
    const { stuckTimeoutSeconds = DEFAULT_TASK_POLICY.stuckTimeoutSeconds } = options
    this.#names = callEntityNames(definition.entityPrefix)
    this.#sourceRelation = `${this.#names.apiCall}Source`
    this.#policy = { ...DEFAULT_TASK_POLICY, maxAttempts, stuckTimeoutSeconds, prices: options.prices }
  }

  async setup(controller: Controller): Promise<void> {
    const { maxTasksInFlight, maxTasksInFlightPerUser, maxOpenTasksPerUser, source } = this.options
    const { budget, budgetPerUser } = this.options
    const limits = { maxTasksInFlight, maxTasksInFlightPerUser, maxOpenTasksPerUser, budget, budgetPerUser }
    const rules = { policy: this.#policy, ...limits }
    const { namespace, logger } = this.args
    this.#store = new TaskStore(controller, this.#names, rules, (task) => logCreated(logger, namespace, task))
    takeIdsInBlocks(controller, [this.#names.apiCall, this.#sourceRelation])
    const { listeners } = this.#store
    if (listeners.length > 0) {
      logger?.info({ namespace, listeners }, 'the application follows the changes of tasks: each is written by itself')
    }
    await prepareOperatorActs(controller)
    await createSpendTable(controller)
    await createTaskIndexes(this.#store, source && this.#sourceRelation)
  }

  removeEnded(_controller: Controller, batch: RemovalBatch): Promise<number> {
    return removeEndedTasks(this.#tasks(), batch)
  }

  operated(): OperatedTasks {
    const { namespace, logger } = this.args
    return { namespace, store: this.#tasks(), logger }
  }

  webhooks(): DueWebhooks {
    const { webhooks } = this.#tasks()
    const namespace = this.options.source?.api?.namespace ?? this.args.namespace
    const { due } = webhooks
    return { due, dueInSeconds: () => webhooks.dueInSeconds(), claim: (limit) => webhooks.claim(limit, namespace) }
  }

  createSideEffects(): [] {
    return []
  }

  getPullModeConfig(): PullModeConfig<z.output<Params>> | null {
    return pullModeOf(this.args.namespace, this.definition, this.options)
  }

  createAPIs(): API[] {
    const { namespace, logger } = this.args
    const { reportAPIName, resultSchema } = this.definition
    const shared = { namespace, store: () => this.#tasks(), logger }
    const fetching = createFetchPendingTasksAPI({
      namespace,
      apiCallEntity: { entityName: this.#names.apiCall, fields: API_CALL_FIELDS },
      limits: () => this.#tasks().limitsNow(),
      arrivals: () => this.#tasks().arrivals,
      asks: (daemon) => this.#tasks().asks(daemon, { forTasks: true }),
    })
    return [
      fetching,
      // Earlier daemons post the same parameters.
      { ...fetching, method: 'POST' },
      createClaimTasksAPI(shared),
      createReportTaskEventAPI(shared, reportAPIName, resultSchema),
      createRunsToCheckAPI(shared),
      ...createOperatorAPIs(shared),
      ...createControlAPIs({ ...shared, ...this.#requests() }),
      createOperatorActsAPI(shared),
      ...this.#runAPIs(shared),
      ...this.#publicAPIs(shared),
    ]
  }

  /** Adds the integration's entities to the application's model. */
  async configure(): Promise<void> {
    const { entities, relations } = this.args
    const { definition, options } = this
    const names = this.#names
    const { apiCall, integrationEvent } = createCallEntities(names, this.#policy.maxAttempts)
    if (options.source) {
      const { entityName, toRequestParams, dueAtProperty = '', userProperty, webhookProperty = '' } = options.source
      const { priorityProperty = '' } = options.source
      const source = entities.find((entity) => entity.name === entityName)
      if (!source) throw new Error(`${definition.name}: the application has no entity ${entityName} to make tasks of`)
      apiCall.computation = Transform.create({
        eventDeps: { created: { recordName: entityName, type: 'create' } },
        callback: labelled(
          `${names.apiCall}.of.${entityName}.v5`,
          ({ record }: { record: Record<string, unknown> }) => ({
            requestParams: fitting(definition.requestSchema.parse(toRequestParams(record))),
            source: { id: record.id },
            // Not left to the default: interaqt would tell of another one than it stores.
            taskKey: newTaskKey(),
            ...(typeof record[userProperty] === 'string' && { userId: record[userProperty] }),
            ...(typeof record[priorityProperty] === 'number' && { priority: record[priorityProperty] }),
            ...(typeof record[webhookProperty] === 'string' && { webhook: record[webhookProperty] }),
            ...newTask(
              typeof record[dueAtProperty] === 'number' ? { dueAt: record[dueAtProperty] } : {},
              this.#policy.maxAttempts,
            ),
          }),
        ),
      })
      relations.push(
        Relation.create({
          name: this.#sourceRelation,
          source: apiCall,
          sourceProperty: 'source',
          target: source,
          targetProperty: 'apiCalls',
          type: 'n:1',
        }),
      )
    }
    entities.push(apiCall, integrationEvent)
    addOperatorActs(entities)
    addIntegrationControls(entities)
    addDaemons(entities)
    if (options.source?.api) addIdempotencyKeys(entities)
  }

  #tasks(): TaskStore {
    if (!this.#store) throw new Error(`${this.definition.name} is not set up: call setup() before any of its APIs`)
    return this.#store
  }

  #runAPIs(shared: TaskAPIOptions): API[] {
    const { manualHandles } = this.definition
    const { runs, pollSeconds } = this.options
    if (manualHandles === undefined || runs === undefined) return []
    return createRunAPIs({ ...shared, buildWorkflowId, ...manualHandles, ...runs, pollSeconds })
  }

  #requests() {
    const { runs, requestsPerMinute: configured } = this.options
    const taskQueue = integrationTaskQueue(this.definition.name)
    if (!runs || this.definition.manualHandles === undefined) return {}
    const limit = (perMinute: number | null, why: string, signal: AbortSignal) =>
      runs.handles.limitRequests(taskQueue, perMinute, why, signal)
    return { requests: { configured, limit } }
  }

  #publicAPIs({ store, logger }: TaskAPIOptions): API[] {
    const { requestSchema, resultSchema } = this.definition
    const { enabled, source, webhooks } = this.options
    if (!source?.api) return []
    const { api } = source
    const schemas = { requestSchema, resultSchema }
    return createTaskAPIs({ ...api, store, logger, enabled, webhooks, source: { ...source, api }, ...schemas })
  }
}
