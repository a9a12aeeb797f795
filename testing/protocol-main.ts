/**
 * A main component with nothing but the protocol: real HTTP, over tasks in memory, with faults on demand. For tests
 * of the async-task component.
 */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { HttpBindings } from '@hono/node-server'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import type { PullModeConfig } from '../integrations/index.js'
import { buildAPIPath } from '../protocol/names.js'
import { type Acted, ProtocolTasks } from './protocol-tasks.js'

export const TEST_TOKEN = 'protocol-main-internal-token'

/** What a test waits for comes within a second or two, and on a busy machine within this. */
const UNTIL_MS = 20_000

/** One request that reached this main. */
export interface SeenRequest {
  namespace: string
  kind: 'fetch' | 'claim' | 'report' | 'check'
  /** Of a fetch or a claim. */
  limit?: number
  waitSeconds?: number
  /** The report's body; empty for a fetch. */
  body: { apiCallId?: string; status?: string; [field: string]: unknown }
}

/**
 * - a number: answers with that status and does nothing
 * - `drop`: does what is asked, and cuts the connection instead of answering
 * - `hang`: does nothing and never answers
 */
export type Fault = number | 'drop' | 'hang'

export class ProtocolMain extends ProtocolTasks {
  readonly seen: SeenRequest[] = []
  /** Decides what goes wrong with a request. */
  fault: (request: SeenRequest) => Fault | undefined = () => undefined
  /** Called with each report before it is decided on, which waits for what this returns. */
  onReport: (report: SeenRequest['body']) => unknown = () => undefined
  token = TEST_TOKEN
  /** Mains of earlier versions offer no `claimTasks`. */
  offersClaims = false
  readonly #waiting = new Set<() => void>()
  readonly #hanging = new Set<() => void>()
  readonly #parked = new Set<() => void>()
  #server: ReturnType<typeof serve> | null = null
  #port = 0

  static async start(port = 0): Promise<ProtocolMain> {
    const main = new ProtocolMain()
    await main.listen(port)
    return main
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  async listen(port = this.#port): Promise<void> {
    const server = serve({ fetch: this.#app().fetch, port, hostname: '127.0.0.1' })
    this.#server = server
    await once(server, 'listening')
    this.#port = (server.address() as AddressInfo).port
  }

  override add(...task: Parameters<ProtocolTasks['add']>): ReturnType<ProtocolTasks['add']> {
    const added = super.add(...task)
    this.#release(this.#parked)
    return added
  }

  async stop(): Promise<void> {
    this.#release(this.#hanging)
    this.#release(this.#parked)
    const server = this.#server
    if (!server) return
    this.#server = null
    await new Promise((resolve) => {
      server.close(resolve)
      if ('closeAllConnections' in server) server.closeAllConnections()
    })
  }

  /**
   * Resolves once this holds; looked at after every request. Throws where it does not hold in time, with what was
   * asked of this main until then.
   */
  async until(holds: () => boolean): Promise<void> {
    let late = false
    const timer = setTimeout(() => {
      late = true
      this.#release(this.#waiting)
    }, UNTIL_MS)
    try {
      while (!holds()) {
        if (late) throw new Error(`Not so within ${UNTIL_MS / 1000} s: ${holds}\n${this.account()}`)
        await new Promise<void>((resolve) => this.#waiting.add(resolve))
      }
    } finally {
      clearTimeout(timer)
    }
  }

  /** What was asked how often, and what became of the tasks, in a few lines. */
  account(): string {
    const counts: Record<string, number> = {}
    for (const { kind, body } of this.seen) {
      const what = [kind, body.status, body.apiCallId].filter(Boolean).join(' ')
      counts[what] = (counts[what] ?? 0) + 1
    }
    const asked = Object.entries(counts).map(([what, count]) => `${count} x ${what}`)
    const tasks = this.tasks.map(({ id, state }) => `${id} is ${state.status}`)
    return [...asked, ...tasks].slice(0, 30).join('\n')
  }

  /** The reports seen of one task. */
  reports(id: string, status?: string): SeenRequest['body'][] {
    return this.seen
      .filter(({ kind, body }) => kind === 'report' && body.apiCallId === id && (!status || body.status === status))
      .map(({ body }) => body)
  }

  fetches(namespace: string): number {
    return this.seen.filter((request) => request.kind === 'fetch' && request.namespace === namespace).length
  }

  /** A pull-mode configuration that points here. */
  config(namespace: string, overrides: Partial<PullModeConfig> = {}): { namespace: string; config: PullModeConfig } {
    const url = (name: string) => `${this.url}/${buildAPIPath(namespace, name)}`
    const reportTaskEvent = url('report')
    return {
      namespace,
      config: {
        enabled: true,
        taskQueue: `queue-${namespace}`,
        workflowName: 'quickWorkflow',
        buildWorkflowId: ({ id }) => id,
        buildWorkflowParams: ({ id, requestParams }) => ({
          apiCallId: id,
          requestParams,
          callbackUrl: reportTaskEvent,
        }),
        internalAPIs: {
          fetchPendingTasks: url('fetchPendingTasks'),
          claimTasks: url('claimTasks'),
          reportTaskEvent,
          runsToCheck: url('runsToCheck'),
        },
        ...overrides,
      },
    }
  }

  #app(): Hono<{ Bindings: HttpBindings }> {
    const app = new Hono<{ Bindings: HttpBindings }>()
    app.use(async (c, next) => {
      if (c.req.header('authorization') !== `Bearer ${this.token}`) {
        this.#record({ namespace: c.req.path.split('/')[2] ?? '', kind: 'fetch', body: {} })
        return c.json({ success: false, error: 'Unauthorized' }, 401)
      }
      return next()
    })
    app.get('/api/:namespace/fetchPendingTasks', (c) => {
      const namespace = c.req.param('namespace')
      const limit = Number(c.req.query('limit'))
      const waitSeconds = Number(c.req.query('waitSeconds') ?? 0)
      const request: SeenRequest = { namespace, kind: 'fetch', limit, waitSeconds, body: {} }
      return this.#answer(c.env, request, async () => {
        if (this.due(namespace, limit).length === 0) await this.#park(waitSeconds, c.req.raw.signal)
        return { status: 200, body: { tasks: this.due(namespace, limit) } }
      })
    })
    app.get('/api/:namespace/runsToCheck', (c) => {
      const namespace = c.req.param('namespace')
      const uncheckedForSeconds = Number(c.req.query('uncheckedForSeconds'))
      const request: SeenRequest = { namespace, kind: 'check', limit: Number(c.req.query('limit')), body: {} }
      const runs = this.unchecked(namespace, uncheckedForSeconds)
      return this.#answer(c.env, request, () => ({ status: 200, body: { runs: runs.slice(0, request.limit) } }))
    })
    app.post('/api/:namespace/claimTasks', async (c) => {
      if (!this.offersClaims) return c.json({ success: false, error: 'Not found' }, 404)
      const namespace = c.req.param('namespace')
      const { limit, waitSeconds, ...body } = (await c.req.json()) as { limit: number; waitSeconds: number }
      const request: SeenRequest = { namespace, kind: 'claim', limit, waitSeconds, body }
      return this.#answer(c.env, request, async () => {
        const { claimId } = request.body
        const nothing = () => limit > 0 && !this.hasClaimed(claimId) && this.due(namespace, 1).length === 0
        if (nothing()) await this.#park(waitSeconds, c.req.raw.signal)
        return { status: 200, body: this.claim(namespace, claimId, c.req.raw.signal.aborted ? 0 : limit) }
      })
    })
    // Each integration names its report API as it likes.
    app.post('/api/:namespace/:report', async (c) => {
      const body = (await c.req.json()) as SeenRequest['body']
      const request: SeenRequest = { namespace: c.req.param('namespace'), kind: 'report', body }
      return this.#answer(c.env, request, () => this.#report(body))
    })
    return app
  }

  async #answer(
    { outgoing }: HttpBindings,
    request: SeenRequest,
    act: () => Acted | Promise<Acted>,
  ): Promise<Response> {
    const fault = this.fault(request)
    if (fault === 'hang') {
      this.#record(request)
      await new Promise<void>((resolve) => {
        this.#hanging.add(resolve)
        outgoing.once('close', resolve)
      })
      return new Response(null, { status: 503 })
    }
    const refused = { status: Number(fault), body: { success: false, error: `fault ${fault}` } }
    const acting = typeof fault === 'number' ? refused : act()
    this.#record(request)
    const { status, body } = await acting
    if (fault === 'drop') outgoing.destroy()
    return Response.json(body, { status })
  }

  /** Until a task is added, the time is over, or the caller has gone. */
  async #park(seconds: number, signal: AbortSignal): Promise<void> {
    const ended = new AbortController()
    this.#parked.add(() => ended.abort())
    signal.addEventListener('abort', () => ended.abort(), { once: true })
    await delay(seconds * 1000, undefined, { signal: ended.signal }).catch(() => undefined)
  }

  #record(request: SeenRequest): void {
    this.seen.push(request)
    this.#release(this.#waiting)
  }

  #release(waiting: Set<() => void>): void {
    for (const release of waiting) release()
    waiting.clear()
  }

  /** At once where nothing is waited for: `until` looks when a request has been seen. */
  #report(body: SeenRequest['body']): Acted | Promise<Acted> {
    const held = this.onReport(body)
    return held instanceof Promise ? held.then(() => this.decide(body)) : this.decide(body)
  }
}
