/**
 * Asks for tasks and waits for their results, from a browser or from Node, over main's public APIs. It has no
 * dependency: of an application's integrations it takes the types, and loads nothing.
 *
 *     const client = createClient<typeof import('./integrations.js')>({ baseUrl: 'https://app.example.org', token })
 *     const task = await client.acmeSpeech.create({ text: 'Hello' })
 *     const { audio } = await task.result({ onProgress: ({ type }) => console.log(type) })
 */
import { Connection, type ConnectionOptions } from './connection.js'
import { TaskClientError } from './errors.js'
import { Task, type TaskView } from './task.js'

export { RefusedError, TaskClientError, TaskEndedError } from './errors.js'
export type { ResultOptions, Task, TaskView, TimelineEntry } from './task.js'

export interface ClientOptions<Name extends PropertyKey = string> extends ConnectionOptions {
  /** For integrations whose create route is not `api/<name>/create`. */
  routes?: Partial<Record<Name, { namespace: string; create: string }>>
}

export interface CreateOptions {
  /** The idempotency key: the same for each retry of a request. Default: a new one. */
  idempotencyKey?: string
  /** Unix seconds before which the task does not begin. */
  dueAt?: number
  /** From -100 to 100; tasks of a higher one begin first. Default: 0. */
  priority?: number
  /** The https URL that main tells of the end, where main has a secret for that. */
  webhook?: string
  signal?: AbortSignal
}

export interface ListOptions {
  status?: TaskView<unknown>['status']
  /** At most 100. Default: 20. */
  limit?: number
  /** The previous page's `next`. */
  after?: string
  signal?: AbortSignal
}

/** The tasks of one integration. */
export interface Tasks<Request, Result> {
  /** Creates one task, however often the request has to be retried. */
  create(request: Request, options?: CreateOptions): Promise<Task<Result>>
  /** A task that was created before. Sends nothing. */
  task(id: string): Task<Result>
  /** The user's own tasks, the newest first. */
  list(options?: ListOptions): Promise<{ tasks: Array<Omit<TaskView<Result>, 'timeline'>>; next: string | null }>
}

// The types of zod schemas, from where zod 4 keeps them.
type InputOf<Schema> = Schema extends { _zod: { input: infer Input } } ? Input : never
type OutputOf<Schema> = Schema extends { _zod: { output: infer Output } } ? Output : never
type RequestOf<Integration> = Integration extends { requestSchema(urls: never): infer Schema } ? InputOf<Schema> : never
type ResultOf<Integration> = Integration extends { resultSchema: infer Schema } ? OutputOf<Schema> : never

export type Client<Integrations> = {
  readonly [Name in keyof Integrations]: Tasks<RequestOf<Integrations[Name]>, ResultOf<Integrations[Name]>>
}

/** Makes a client of the integrations that a module exports by name. */
export function createClient<Integrations>(options: ClientOptions<keyof Integrations>): Client<Integrations> {
  const connection = new Connection(options)
  const routes = options.routes as Record<string, { namespace: string; create: string } | undefined> | undefined
  return new Proxy({} as Client<Integrations>, {
    get: (_, name) => {
      if (typeof name !== 'string') return undefined
      const { namespace, create } = routes?.[name] ?? { namespace: name, create: 'create' }
      return tasksOf(connection, `api/${namespace}`, create)
    },
  })
}

/** Not `randomUUID`: browsers only have it on HTTPS pages. */
function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

function tasksOf(connection: Connection, path: string, create: string): Tasks<object, unknown> {
  const task = (id: string) => new Task<unknown>(id, `${path}/tasks/${encodeURIComponent(id)}`, connection)
  return {
    task,
    async create(request, { idempotencyKey = newKey(), signal, ...asked } = {}) {
      const { dueAt, priority, webhook } = asked
      const given = Object.entries({ dueAt, priority, webhook }).filter(([, value]) => value !== undefined)
      const body = { ...request, ...Object.fromEntries(given) }
      const { taskId } = await connection.ask('POST', `${path}/${create}`, { body, idempotencyKey, signal })
      if (typeof taskId === 'string') return task(taskId)
      throw new TaskClientError('UNREADABLE', 'The answer has no task id: is baseUrl right?', false)
    },
    async list({ status, limit, after, signal } = {}) {
      const given = Object.entries({ status, limit, after }).filter(([, value]) => value !== undefined)
      const query = new URLSearchParams(given.map(([name, value]) => [name, String(value)]))
      const { tasks, next } = await connection.ask('GET', `${path}/tasks?${query}`, { signal })
      if (Array.isArray(tasks)) return { tasks, next: typeof next === 'string' ? next : null }
      throw new TaskClientError('UNREADABLE', 'The answer is not a list of tasks: is baseUrl right?', false)
    },
  }
}
