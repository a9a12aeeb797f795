import { APPLICATION_APIS, type Exchange, FIXTURE_TOKEN } from './fixtures.js'

const ARTIFACT = { key: 'made.bin', mimeType: 'video/mp4', bytes: 3, sha256: '0'.repeat(64) }
const artifact = { ...ARTIFACT, url: 'http://127.0.0.1:3000/artifacts/made.bin' }
/** What a run of each integration may report. */
export const RESULTS: Record<string, unknown> = {
  testAsyncTask: { success: true, message: 'made by an earlier release', steps: ['simple'] },
  fangzhouVideoGeneration: { video: artifact, providerTaskId: 'cgt-1', model: 'seedance', simulated: true },
  nanobanana2ImageGeneration: {
    images: [{ ...artifact, mimeType: 'image/png', width: 64, height: 64 }],
    model: 'image',
    usage: { totalTokens: 3 },
    simulated: true,
  },
}
export const ERROR = { code: 'provider_unavailable', message: 'The provider said 503' }

interface Listed extends Pick<Task, 'id' | 'taskKey'> {
  createdAt: number
}

export interface Task {
  id: string
  taskKey: string
  token: string
  runId: string
}

/** Speaks to main as the release's daemon, operators and users do, and notes every answer. */
export class Recorder {
  readonly exchanges: Exchange[] = []
  #made = 0

  constructor(readonly url: string) {}

  async create(namespace: string): Promise<Task> {
    await this.#create(namespace)
    const { tasks } = await this.#ask('daemon', 'GET', `/api/${namespace}/fetchPendingTasks?limit=100`)
    const { id, taskKey } = tasks.reduce((a: Listed, b: Listed) => (b.createdAt > a.createdAt ? b : a))
    this.#made += 1
    const task = { id, taskKey, token: '', runId: `run-${this.#made}` }
    this.#namespaces.set(task.id, namespace)
    return task
  }

  async createDelayed(namespace: string, dueAt: number): Promise<void> {
    await this.#create(namespace, { dueAt })
  }

  readonly #namespaces = new Map<string, string>()

  #create(namespace: string, more: object = {}) {
    const { path, request } = application(namespace)
    return this.#ask('user', 'POST', path, { ...request, ...more })
  }

  /** Parked until the task may be claimed. */
  async fetchUntil({ id }: Task): Promise<void> {
    const path = `/api/${this.#namespace(id)}/fetchPendingTasks?limit=10&waitSeconds=20`
    const { tasks } = await this.#ask('daemon', 'GET', path)
    if (!tasks.some((task: Task) => task.id === id)) throw new Error(`Task ${id} is not to be claimed`)
  }

  async claim(task: Task): Promise<Task> {
    task.token = `token-${this.exchanges.length}-of-a-claim`
    await this.report(task, { status: 'queued', fencingToken: task.token })
    return task
  }

  async begin(task: Task, attempt = 1): Promise<Task> {
    if (attempt > 1) task.runId = `${task.runId.replace(/-again$/, '')}-again`
    await this.report(task, { status: 'begin', attempt, runId: task.runId, createIntent: true })
    return task
  }

  fail(task: Task, more: object) {
    return this.fromRun(task, { status: 'failed', error: ERROR, ...more })
  }

  complete(task: Task, attempt = 1) {
    return this.report(task, {
      status: 'completed',
      attempt,
      runId: task.runId,
      result: RESULTS[this.#namespace(task.id)],
    })
  }

  fromRun(task: Task, report: object) {
    return this.report(task, { attempt: 1, runId: task.runId, ...report })
  }

  fromProcessor(task: Task, report: object) {
    return this.report(task, { attempt: 1, fencingToken: task.token, ...report })
  }

  /** As the reconciler: looks at what main knows, then brings a verdict on it. */
  async verdict(task: Task, report: object) {
    const path = `/api/${this.#namespace(task.id)}/runsToCheck?limit=100&uncheckedForSeconds=0`
    const { runs } = await this.#ask('daemon', 'GET', path)
    const run = runs.find(({ apiCallId }: { apiCallId: string }) => apiCallId === task.id)
    if (!run) throw new Error(`Task ${task.id} is not to be checked`)
    return this.report(task, { attempt: run.attempt, fencingToken: run.fencingToken, ...report })
  }

  operator({ id }: Task, api: string, more: object) {
    return this.#ask('operator', 'POST', `/api/${this.#namespace(id)}/${api}`, { apiCallId: id, ...more })
  }

  report({ id, taskKey }: Task, report: object) {
    const namespace = [...this.#namespaces.values()].at(-1) ?? ''
    const { reportAPI } = application(this.#namespaces.get(id) ?? namespace)
    const path = `/api/${this.#namespaces.get(id) ?? namespace}/${reportAPI}`
    return this.#ask('daemon', 'POST', path, { apiCallId: id, taskKey, ...report })
  }

  #namespace(id: string): string {
    const namespace = this.#namespaces.get(id)
    if (!namespace) throw new Error(`Task ${id} is unknown`)
    return namespace
  }

  async #ask(by: Exchange['by'], method: Exchange['method'], path: string, body?: unknown) {
    const response = await fetch(new URL(path, this.url), {
      method,
      headers: {
        'content-type': 'application/json',
        ...(by !== 'user' && { authorization: `Bearer ${FIXTURE_TOKEN}` }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(60_000),
    })
    const answer = await response.json()
    this.exchanges.push({ by, method, path, ...(body !== undefined && { body }), status: response.status, answer })
    return answer
  }
}

function application(namespace: string) {
  const found = APPLICATION_APIS[namespace]
  if (!found) throw new Error(`There is no integration ${namespace}`)
  return found
}
