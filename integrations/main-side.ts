/** Main's half of a pull integration: its entities, and the APIs by which its tasks are asked for, claimed and reported. */
import { type Controller, Relation, Transform } from 'interaqt'
import type { z } from 'zod'
import { DEFAULT_TASK_POLICY, type TaskPolicy } from '../protocol/index.js'
import { createOperatorAPIs } from '../tasks/apis/cancel-and-retry.js'
import { API_CALL_FIELDS, createFetchPendingTasksAPI } from '../tasks/apis/fetch-pending-tasks.js'
import { createRunAPIs } from '../tasks/apis/manual-handles.js'
import { createTaskAPIs } from '../tasks/apis/public-tasks.js'
import { createReportTaskEventAPI } from '../tasks/apis/report.js'
import { createRunsToCheckAPI } from '../tasks/apis/runs-to-check.js'
import { prepareRemoval, type RemovalBatch, removeEndedTasks } from '../tasks/ended-tasks.js'
import { type CallEntityNames, callEntityNames, createCallEntities, labelled } from '../tasks/entities.js'
import { addIdempotencyKeys } from '../tasks/idempotency.js'
import { createTaskIndexes } from '../tasks/task-indexes.js'
import type { API, IIntegrationConstructorArgs } from './index.js'
import { buildWorkflowId, type PullIntegrationDefinition, type PullIntegrationOptions } from './pull-definition.js'

export class MainSide<Params extends z.ZodObject, Result extends z.ZodType> {
  readonly #names: CallEntityNames
  readonly #sourceRelation: string
  readonly #policy: TaskPolicy

  constructor(
    private readonly args: IIntegrationConstructorArgs,
    private readonly definition: PullIntegrationDefinition<Params, Result>,
    private readonly options: PullIntegrationOptions<z.input<Params>>,
  ) {
    const { maxAttempts, stuckTimeoutSeconds } = options
    this.#names = callEntityNames(definition.entityPrefix)
    this.#sourceRelation = `${this.#names.apiCall}Source`
    this.#policy = {
      ...DEFAULT_TASK_POLICY,
      ...(maxAttempts !== undefined && { maxAttempts }),
      ...(stuckTimeoutSeconds !== undefined && { stuckTimeoutSeconds }),
    }
  }

  async setup(controller: Controller): Promise<void> {
    await createTaskIndexes(controller, this.#names, this.options.source && this.#sourceRelation)
    await prepareRemoval(controller, this.#names)
  }

  removeEnded(controller: Controller, batch: RemovalBatch): Promise<number> {
    return removeEndedTasks(controller, this.#names, batch)
  }

  createAPIs(): API[] {
    const { namespace, logger } = this.args
    const { maxTasksInFlight } = this.options
    const shared = { namespace, entities: this.#names, policy: this.#policy, maxTasksInFlight, logger }
    const fetching = createFetchPendingTasksAPI({
      namespace,
      apiCallEntity: { entityName: this.#names.apiCall, fields: API_CALL_FIELDS },
      maxTasksInFlight,
    })
    const { reportAPIName: name, resultSchema } = this.definition
    return [
      fetching,
      // Earlier daemons post the same parameters.
      { ...fetching, method: 'POST' },
      createReportTaskEventAPI({ ...shared, name, resultSchema }),
      createRunsToCheckAPI(shared),
      ...createOperatorAPIs(shared),
      ...this.#runAPIs(),
      ...this.#publicAPIs(),
    ]
  }

  /** Adds the integration's entities to the application's model; to be called once, before the Controller is made. */
  addToModel(): void {
    const { entities, relations } = this.args
    const { definition, options } = this
    const names = this.#names
    const { apiCall, integrationEvent } = createCallEntities(names, this.#policy.maxAttempts)
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
    if (options.source?.api) addIdempotencyKeys(entities)
  }

  #runAPIs(): API[] {
    const { definition, options } = this
    const { manualHandles } = definition
    if (manualHandles === undefined || options.runs === undefined) return []
    return createRunAPIs({
      namespace: this.args.namespace,
      entities: this.#names,
      buildWorkflowId,
      ...manualHandles,
      ...options.runs,
      pollSeconds: options.pollSeconds,
    })
  }

  #publicAPIs(): API[] {
    const { definition, options } = this
    if (!options.source?.api) return []
    const { entityName: sourceEntity, dueAtProperty, userProperty, api } = options.source
    const { requestSchema, resultSchema } = definition
    const { enabled, maxOpenTasksPerUser } = options
    return createTaskAPIs({
      enabled,
      maxOpenTasksPerUser,
      namespace: api.namespace,
      createName: api.createName,
      names: this.#names,
      sourceEntity,
      dueAtProperty,
      userProperty,
      toRecord: (params) => api.toRecord(params as z.input<Params>),
      requestSchema,
      resultSchema,
      maxTasksInFlight: options.maxTasksInFlight,
    })
  }
}
