import { z } from 'zod'

/** One task of the demonstration: what is asked for, and where. */
export interface DemoTask {
  name: 'video' | 'image' | 'test'
  path: string
  request: object
}

export const DEMO_TASKS: DemoTask[] = [
  { name: 'video', path: 'api/video/generate', request: { prompt: 'A paper boat on a mountain lake at dawn' } },
  { name: 'image', path: 'api/image/generate', request: { prompt: 'A lighthouse made of books, watercolour' } },
  { name: 'test', path: 'api/test/run', request: { kind: 'multiStep', message: 'hello' } },
]

const createdSchema = z.object({ taskId: z.string() })

const taskSchema = z.object({
  status: z.string(),
  result: z.unknown(),
  error: z.object({ code: z.string(), message: z.string() }).nullish(),
  timeline: z.array(z.object({ type: z.string(), attempt: z.number(), at: z.number() })),
})

export type TaskView = z.infer<typeof taskSchema>

const REQUEST_TIMEOUT_MS = 10_000

/** Creates the task and returns its id. */
export async function createTask(mainUrl: string, { path, request }: DemoTask, signal: AbortSignal): Promise<string> {
  const answer = await requestJson(`${mainUrl}/${path}`, signal, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(request),
  })
  return createdSchema.parse(answer).taskId
}

/** The task as main shows it: its status, its result, and what has happened to it. */
export async function readTask(mainUrl: string, task: DemoTask, id: string, signal: AbortSignal): Promise<TaskView> {
  return taskSchema.parse(await requestJson(`${mainUrl}/api/${task.name}/tasks/${encodeURIComponent(id)}`, signal))
}

async function requestJson(url: string, signal: AbortSignal, init: RequestInit = {}): Promise<unknown> {
  const response = await fetch(url, {
    ...init,
    signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]),
  })
  if (!response.ok)
    throw new Error(`${init.method ?? 'GET'} ${url} answered ${response.status}: ${await response.text()}`)
  return response.json()
}
