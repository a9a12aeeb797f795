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
import type { z } from 'zod'
import type { EndedBefore } from './shared/retention.js'
import type { APICall, WorkflowParams } from './shared/task.js'
import type { TaskLogger } from './shared/task-log.js'

export { buildAPIPath } from './shared/names.js'
export type { APICall, WorkflowParams } from './shared/task.js'

/** How the task processor serves one integration: where its tasks are, and which workflow runs them. */
export interface PullModeConfig<Params = unknown> {
  enabled: boolean
  taskQueue: string
  workflowName: string
  /** Most requests a minute that all workers together may send to the provider. Default: any number. */
  requestsPerMinute?: number | undefined
  /** How long one request to the provider may take, in milliseconds: what a stopping daemon should have time for. */
  requestTimeoutMs?: number | undefined
  /** The task's part of the workflow id; the processor adds namespace, taskKey and attempt. */
  buildWorkflowId(apiCall: Pick<APICall<Params>, 'id'>): string
  buildWorkflowParams(apiCall: APICall<Params>): WorkflowParams<Params>
  /** Full URLs of main's internal APIs. */
  internalAPIs: {
    fetchPendingTasks: string
    reportTaskEvent: string
    /** Which runs to look at. Without it nobody notices that a run died while it was processing. */
    runsToCheck?: string
  }
}

export interface APIContext {
  /** Aborted when the caller went away or the server stops. */
  signal: AbortSignal
  /** Who asks; missing where nobody is asked to say. */
  user?: { id: string }
  /** Where the API takes one and the caller gave it. */
  idempotencyKey?: string
  /** Whether the caller has the operators' token, or the internal one: every task is shown to them. */
  operator?: boolean
}

/** One HTTP endpoint of an integration, at `api/<namespace>/<name>`. */
export interface API<Params extends z.ZodType = z.ZodType, Answer extends z.ZodType = z.ZodType> {
  name: string
  /** Default: the integration's own. */
  namespace?: string
  /** Default: POST. GET takes its parameters from the query string. */
  method?: 'GET' | 'POST'
  /** May be called without a user, whatever `components.main.auth` says. Never true of an internal API. Default: false. */
  allowAnonymous?: boolean
  /** Whatever is posted is not read, and not waited for. Default: false. */
  ignoresBody?: boolean
  /** For the application's own processes: needs the internal token. Default: false. */
  internal?: boolean
  /** Creates something, and takes an `Idempotency-Key` so that it is created once. Default: false. */
  takesIdempotencyKey?: boolean
  /** An internal API that the operators' token opens too. Default: false. */
  operator?: boolean
  /** One line for the OpenAPI document. */
  summary?: string
  params: Params
  answer: Answer
  callback(this: Controller, context: APIContext, params: z.output<Params>): Promise<z.input<Answer>>
}

/** Types a callback from its schemas. */
export function createAPI<Params extends z.ZodType, Answer extends z.ZodType>(api: API<Params, Answer>): API {
  return api as unknown as API
}

/** Thrown by a callback to answer with a status other than 200; the body goes out as JSON. */
export class APIError extends Error {
  override readonly name = 'APIError'
  /** When the same request may be sent again; goes out as `Retry-After`. */
  readonly retryAfterSeconds: number | undefined

  constructor(
    readonly httpStatus: 400 | 401 | 403 | 404 | 409 | 422 | 429 | 503,
    readonly body: { success: false; error: string; [field: string]: unknown },
    options: ErrorOptions & { retryAfterSeconds?: number } = {},
  ) {
    super(body.error, options)
    this.retryAfterSeconds = options.retryAfterSeconds
  }
}

/** The application's model, which an integration may add to in `configure`. */
export interface IIntegrationConstructorArgs {
  entities: EntityInstance[]
  relations: RelationInstance[]
  activities: ActivityInstance[]
  interactions: InteractionInstance[]
  dict: DictionaryInstance[]
  namespace: string
  /** Main's: told of each move of a task. */
  logger?: TaskLogger
}

export interface IIntegration {
  /** Adds to the model. Runs before the Controller is made. */
  configure?(): Promise<void>
  /** Runs once the Controller is set up, before the first request. */
  setup?(controller: Controller): Promise<void>
  /** Removes a batch of the tasks that ended so long ago; gives how many, zero once there are none. */
  removeEnded?(controller: Controller, endedBefore: EndedBefore): Promise<number>
  createSideEffects(): RecordMutationSideEffect<unknown>[]
  createAPIs?(): API[]
  createMiddlewares?(): MiddlewareHandler[]
  /** Null where tasks are not pulled. */
  getPullModeConfig?(): PullModeConfig | null
}

export type IIntegrationConstructor = new (args: IIntegrationConstructorArgs) => IIntegration

/** An integration made of integrations, by namespace. */
export interface IAggregatedIntegration extends IIntegration {
  configure(): Promise<void>
  setup(controller: Controller): Promise<void>
  removeEnded(controller: Controller, endedBefore: EndedBefore): Promise<number>
  createAPIs(): API[]
  createMiddlewares(): MiddlewareHandler[]
  getIntegrations(): Array<{ namespace: string; integration: IIntegration }>
}

/** Makes one integration class of several; the keys are their namespaces. */
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

    async removeEnded(controller: Controller, endedBefore: EndedBefore): Promise<number> {
      for (const { integration } of this.#parts) {
        const removed = await integration.removeEnded?.(controller, endedBefore)
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
