/** An HTTP endpoint: what it takes and answers, as schemas, and who may call it. */
import type { Controller } from 'interaqt'
import { z } from 'zod'

export interface APIContext {
  /** Aborted when the caller disconnects or the server stops. */
  signal: AbortSignal
  /** Waits for something to happen (a long poll), without blocking other requests meanwhile. */
  parked?(wait: () => Promise<void>): Promise<void>
  /** The caller; missing if no sign-in is required. */
  user?: { id: string }
  /** Set if the API accepts idempotency keys and the caller sent one. */
  idempotencyKey?: string
  /** The daemon that calls an internal API, if it says who it is. */
  daemon?: { name: string; version: string; state: 'running' | 'draining' }
  /** Whether the caller has the operators' or the internal token, and so may see every task. */
  operator?: boolean
}

/** One HTTP endpoint of an integration, at `api/<namespace>/<name>`. */
export interface API<Params extends z.ZodType = z.ZodType, Answer extends z.ZodType = z.ZodType> {
  name: string
  /** Default: the integration's own. */
  namespace?: string
  /** Default: POST. GET takes its parameters from the query string. */
  method?: 'GET' | 'POST'
  /** Public without a user, whatever `components.main.auth` says. Never for an internal API. Default: false. */
  allowAnonymous?: boolean
  /** Ignores the request body. Default: false. */
  ignoresBody?: boolean
  /** For the application's own processes: requires the internal token. Default: false. */
  internal?: boolean
  /** Answers with server-sent events: its answer is an `EventStream`. Default: false. */
  streams?: boolean
  /** Creates something, and accepts an `Idempotency-Key` so that a retry creates it only once. Default: false. */
  takesIdempotencyKey?: boolean
  /** An internal API that also accepts the operators' token. Default: false. */
  operator?: boolean
  /** One line for the OpenAPI document. */
  summary?: string
  params: Params
  answer: Answer
  callback(this: Controller, context: APIContext, params: z.output<Params>): Promise<z.input<Answer>>
}

/** One event of a stream. A client that reconnects sends the `id` of the last one it received. */
export interface StreamedEvent {
  event: string
  id?: string
  data: unknown
}

/** The answer of a streaming API: its events, until there are no more or the context's signal aborts. */
export const eventStreamSchema = z.custom<AsyncIterable<StreamedEvent>>()

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
