import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { withTimeout } from '../../integrations/shared/following-signal.js'

/** What can be asked of main, by the name under which its tasks are read again. */
export type TaskKind = 'video' | 'image' | 'test'

const CREATE_PATHS: Record<TaskKind, string> = {
  video: 'api/video/generate',
  image: 'api/image/generate',
  test: 'api/test/run',
}

const createdSchema = z.object({ taskId: z.string() })

const taskSchema = z.object({
  status: z.string(),
  result: z.unknown(),
  error: z.object({ code: z.string(), message: z.string() }).nullish(),
  timeline: z.array(z.object({ type: z.string(), attempt: z.number(), at: z.number() })),
})

export type TaskView = z.infer<typeof taskSchema>

const FINAL_STATUSES = ['completed', 'failed', 'cancelled']
const REQUEST_TIMEOUT_MS = 10_000
const LOOK_EVERY_MS = 150

/** Creates tasks in main and watches them, over the same HTTP APIs as any other client. */
export class TaskClient {
  /** @param token the user's, where main asks for one */
  constructor(
    private readonly mainUrl: string,
    private readonly token?: string,
  ) {}

  /** Creates a task and returns its id. */
  async create(kind: TaskKind, request: object, signal?: AbortSignal): Promise<string> {
    const answer = await this.#request(CREATE_PATHS[kind], signal, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request),
    })
    return createdSchema.parse(answer).taskId
  }

  /** The task as main shows it: its status, its result, and what has happened to it. */
  async read(kind: TaskKind, id: string, signal?: AbortSignal): Promise<TaskView> {
    return taskSchema.parse(await this.#request(`api/${kind}/tasks/${encodeURIComponent(id)}`, signal))
  }

  /** Looks at the task until it has ended, and returns it as it ended. `onLook` sees every look. */
  async untilEnded(
    kind: TaskKind,
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
        throw new Error(`${init.method ?? 'GET'} ${url} answered ${response.status}: ${await response.text()}`)
      }
      return response.json()
    })
  }
}
