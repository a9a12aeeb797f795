/** An HTTP endpoint: what it takes and answers, as schemas, and who may call it. */
import type { Controller } from 'interaqt'
import { z } from 'zod'

export interface APIContext {
  /** Aborted when the caller went away or the server stops. */
  signal: AbortSignal
  /** Waits for what is not there yet, and keeps nobody else from being answered meanwhile. */
  parked?(wait: () => Promise<void>): Promise<void>
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
  /** Answers with server-sent events: its answer is an `EventStream`. Default: false. */
  streams?: boolean
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

/** One event of a stream. A reader that comes back names the `id` of the last one that it has seen. */
export interface StreamedEvent {
  event: string
  id?: string
  data: unknown
}

/** What an API that streams answers with: its events, until there are no more or the context's signal aborts. */
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
