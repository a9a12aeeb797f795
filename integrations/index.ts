/** The contract between an application and its integrations. An integration is one outside service. */
import type { MiddlewareHandler } from 'hono'
import type {
  ActivityInstance,
  Controller,
  DictionaryInstance,
  EntityInstance,
  InteractionInstance,
  RecordMutationSideEffect,
  RelationInstance,
} from 'interaqt'
import type { API } from '../lib/api.js'
import type { APICall, WorkflowParams } from '../protocol/attempt.js'
import type { RemovalBatch } from '../tasks/ended-tasks.js'
import type { OperatedTasks } from '../tasks/operators/index.js'
import type { TaskLogger } from '../tasks/transition-log.js'
import type { DueWebhooks } from '../tasks/webhooks.js'

export { type API, type APIContext, APIError, createAPI } from '../lib/api.js'
export type { APICall, WorkflowParams } from '../protocol/attempt.js'
export { buildAPIPath } from '../protocol/names.js'

/** How the task processor serves one integration: where its tasks are, and which workflow runs them. */
export interface PullModeConfig<Params = unknown> {
  enabled: boolean
  taskQueue: string
  workflowName: string
  /** Most requests a minute to the provider, over all workers. Default: any number. */
  requestsPerMinute?: number | undefined
  /** Time-out of one request to the provider, in milliseconds: a stopping daemon should wait that long. */
  requestTimeoutMs?: number | undefined
  /** The task's part of the workflow id; the processor adds namespace, taskKey and attempt. */
  buildWorkflowId(apiCall: Pick<APICall<Params>, 'id'>): string
  buildWorkflowParams(apiCall: APICall<Params>): WorkflowParams<Params>
  /** Full URLs of main's internal APIs. */
  internalAPIs: {
    fetchPendingTasks: string
    /** Fetches and claims in one request. Without it, or if main does not offer it, the tasks are claimed one by one. */
    claimTasks?: string
    reportTaskEvent: string
    /** The runs to check. Without it nobody notices that a run died while it was processing. */
    runsToCheck?: string
  }
}

/** The application's model, to which an integration may add in `configure`. */
export interface IIntegrationConstructorArgs {
  entities: EntityInstance[]
  relations: RelationInstance[]
  activities: ActivityInstance[]
  interactions: InteractionInstance[]
  dict: DictionaryInstance[]
  namespace: string
  /** Main's logger, which logs each transition of a task. */
  logger?: TaskLogger
}

export interface IIntegration {
  /** Adds to the model. Runs before the Controller is made. */
  configure?(): Promise<void>
  /** Runs once the Controller is set up, before the first request. */
  setup?(controller: Controller): Promise<void>
  /** Removes one batch of tasks that ended long ago, and returns their number: zero once there are none. */
  removeEnded?(controller: Controller, batch: RemovalBatch): Promise<number>
  /** Its tasks, for operators and for metrics. */
  operated?(): OperatedTasks
  /** The messages about ended tasks that main is to send. */
  webhooks?(): DueWebhooks
  createSideEffects(): RecordMutationSideEffect<unknown>[]
  createAPIs?(): API[]
  createMiddlewares?(): MiddlewareHandler[]
  /** Null if tasks are not pulled. */
  getPullModeConfig?(): PullModeConfig | null
}

export type IIntegrationConstructor = new (args: IIntegrationConstructorArgs) => IIntegration

/** An integration composed of several, by namespace. */
export interface IAggregatedIntegration extends Required<Omit<IIntegration, 'operated' | 'webhooks'>> {
  getIntegrations(): Array<{ namespace: string; integration: IIntegration }>
}

/** Composes one integration class of several; the keys are their namespaces. */
export function createAggregatedIntegration(
  integrations: Record<string, IIntegrationConstructor>,
): new (
  args: Omit<IIntegrationConstructorArgs, 'namespace'>,
) => IAggregatedIntegration {
  return class AggregatedIntegration implements IAggregatedIntegration {
    readonly #parts: Array<{ namespace: string; integration: IIntegration }>

    constructor(args: Omit<IIntegrationConstructorArgs, 'namespace'>) {
      this.#parts = Object.entries(integrations).map(([namespace, Integration]) => ({
        namespace,
        integration: new Integration({ ...args, namespace }),
      }))
    }

    async configure(): Promise<void> {
      for (const { integration } of this.#parts) await integration.configure?.()
    }

    async setup(controller: Controller): Promise<void> {
      for (const { integration } of this.#parts) await integration.setup?.(controller)
    }

    async removeEnded(controller: Controller, batch: RemovalBatch): Promise<number> {
      for (const { integration } of this.#parts) {
        const removed = await integration.removeEnded?.(controller, batch)
        if (removed) return removed
      }
      return 0
    }

    createSideEffects(): RecordMutationSideEffect<unknown>[] {
      return this.#parts.flatMap(({ integration }) => integration.createSideEffects())
    }

    createAPIs(): API[] {
      return this.#parts.flatMap(({ namespace, integration }) =>
        (integration.createAPIs?.() ?? []).map((api) => ({ ...api, namespace: api.namespace ?? namespace })),
      )
    }

    createMiddlewares(): MiddlewareHandler[] {
      return this.#parts.flatMap(({ integration }) => integration.createMiddlewares?.() ?? [])
    }

    getPullModeConfig(): null {
      return null
    }

    getIntegrations(): Array<{ namespace: string; integration: IIntegration }> {
      return [...this.#parts]
    }
  }
}
