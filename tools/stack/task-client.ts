import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { withTimeout } from '../../lib/abort.js'

/** The kinds of tasks that main creates, by the name under which they are read. */
export type TaskKind = 'video' | 'image' | 'test'

const CREATE_PATHS: Record<TaskKind, string> = {
  video: 'api/video/generate',
  image: 'api/image/generate',
  test: 'api/test/run',
}

/** An integration without an entity of the application has its own namespace. */
function createPath(kind: string): string {
  return Object.hasOwn(CREATE_PATHS, kind) ? CREATE_PATHS[kind as TaskKind] : `api/${kind}/create`
}

const createdSchema = z.object({ taskId: z.string() })

const errorSchema = z.object({ code: z.string(), message: z.string() })

const taskSchema = z.object({
  status: z.string(),
  result: z.unknown(),
  error: errorSchema.nullish(),
  timeline: z.array(
    z.object({ type: z.string(), attempt: z.number(), at: z.number(), reason: errorSchema.optional() }),
  ),
})

export type TaskView = z.infer<typeof taskSchema>

const FINAL_STATUSES = ['completed', 'failed', 'cancelled']
const REQUEST_TIMEOUT_MS = 10_000
const LOOK_EVERY_MS = 150
const CREATE_TRIES = 5
const CREATE_PAUSE_MS = 500

/** Main answered with an error. */
class RefusedError extends Error {
  override readonly name = 'RefusedError'

  constructor(
    message: string,
    readonly status: number,
    /** When the request may be retried. */
    readonly retryAfterMs: number | undefined,
  ) {
    super(message)
  }

  /** Whether the request may have been executed, or may be later. */
  get mayPass(): boolean {
    return this.status >= 500 || this.retryAfterMs !== undefined
  }
}

/** Creates tasks in main and watches them, over the same HTTP APIs as any other client. */
export class TaskClient {
  /** @param token the user's, if main requires one */
  constructor(
    private readonly mainUrl: string,
    private readonly token?: string,
  ) {}

  /**
   * Creates a task and returns its id. If no answer comes it retries with the same idempotency key, so there is no
   * second task. The caller may retry too, with a `key` of its own.
   */
  async create(kind: string, request: object, signal?: AbortSignal, key: string = randomUUID()): Promise<string> {
    const headers = { 'content-type': 'application/json', 'idempotency-key': `"${key}"` }
    for (let triesLeft = CREATE_TRIES; ; triesLeft--) {
      try {
        const init = { method: 'POST', headers, body: JSON.stringify(request) }
        return createdSchema.parse(await this.#request(createPath(kind), signal, init)).taskId
      } catch (error) {
        const refused = error instanceof RefusedError
        if (triesLeft <= 1 || signal?.aborted || (refused && !error.mayPass)) throw error
        const pauseMs = (refused ? error.retryAfterMs : undefined) ?? CREATE_PAUSE_MS
        await delay(pauseMs, undefined, signal && { signal })
      }
    }
  }

  /** The task as main shows it: its status, its result, and what has happened to it. */
  async read(kind: string, id: string, signal?: AbortSignal): Promise<TaskView> {
    return taskSchema.parse(await this.#request(`api/${kind}/tasks/${encodeURIComponent(id)}`, signal))
  }

  /** Polls the task until it has ended, and returns it. Calls `onLook` with each answer. */
  async untilEnded(
    kind: string,
    id: string,
    signal?: AbortSignal,
    onLook: (view: TaskView) => void = () => {},
  ): Promise<TaskView> {
    for (;;) {
      const view = await this.read(kind, id, signal)
      onLook(view)
      if (FINAL_STATUSES.includes(view.status)) return view
      await delay(LOOK_EVERY_MS, undefined, signal && { signal })
    }
  }

  async #request(path: string, signal?: AbortSignal, init: RequestInit = {}): Promise<unknown> {
    const url = `${this.mainUrl}/${path}`
    const headers = { ...init.headers, ...(this.token !== undefined && { authorization: `Bearer ${this.token}` }) }
    return withTimeout(REQUEST_TIMEOUT_MS, signal ? [signal] : [], async (either) => {
      const response = await fetch(url, { ...init, headers, signal: either })
      if (!response.ok) {
        const message = `${init.method ?? 'GET'} ${url} answered ${response.status}: ${await response.text()}`
        const retryAfter = response.headers.get('retry-after')
        throw new RefusedError(message, response.status, retryAfter === null ? undefined : 1000 * Number(retryAfter))
      }
      return response.json()
    })
  }
}
