/** A definition's simulator, from what its provider's answers look like: with the log, the latency and every fault of ours. */
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { Integration } from '../provider-kit/definition/define.js'
import { disturbancesOf, type ProviderErrors } from './disturbances.js'
import { type FaultKind, faultsAt } from './faults.js'
import type { SimulatorContext } from './http.js'
import { createSimulator, type Simulator, type SimulatorOptions } from './simulator.js'

/** How the provider words an error. */
type ShowError = (error: { code: string; message: string }) => object

interface Provider {
  /** Default: `{error: {code, message}}`. */
  showError?: ShowError
  /** What a task's file holds, for those who follow its link. */
  file?: { bytes: Uint8Array; type: string }
}

/** A task, as the simulator keeps it. */
export interface SimulatedJob {
  id: string
  /** What was posted to create it. */
  request: Record<string, unknown>
  state: 'working' | 'done' | 'failed' | 'cancelled'
  /** Why it has failed. */
  error?: { code: string; message: string }
  /** Where its file is, once it is done. */
  url?: string
}

export interface PolledProvider extends Provider {
  /** Tasks are created by `POST <path>`, listed by `GET <path>`, asked for and cancelled at `<path>/<id>`. */
  path: string
  show(job: SimulatedJob): object
  /** Default: `{jobs: […]}`. */
  list?(jobs: object[]): object
}

export interface SingleProvider extends Provider {
  /** Asked by `POST <path>`. */
  path: string
  /** What a request is answered with. `url` leads to the file. Default: the file itself. */
  answer?(request: Record<string, unknown>, url: string): object
}

type CreateSimulator = (options?: SimulatorOptions) => Simulator

// biome-ignore lint/suspicious/noExplicitAny: of whatever types.
type AnyIntegration = Pick<Integration<any, any, any, any>, 'namespace' | 'shape'>

/**
 * Makes the simulator of a definition's provider: one that takes tasks, if it is polled (`show`), or one that answers a
 * long request (`answer`). An integration's `simulator.ts` exports it as `createSimulator`.
 */
export function simulate(definition: AnyIntegration, provider: PolledProvider | SingleProvider): CreateSimulator {
  const { namespace, shape } = definition
  if (shape === 'polled' && 'show' in provider) return simulatePolled(namespace, provider)
  if (shape === 'single' && !('show' in provider)) return simulateSingle(namespace, provider)
  const needed = { polled: 'show(job)', single: 'answer(request, url), or nothing where the file is the answer' }[
    shape as string
  ]
  throw new TypeError(
    needed
      ? `${namespace}: the provider is ${shape}, so say ${needed}`
      : `${namespace} is ${shape}: it has no provider`,
  )
}

function simulatePolled(name: string, provider: PolledProvider): CreateSimulator {
  const { path, show, list = (jobs) => ({ jobs }), file } = provider
  const says = sayer(provider.showError)
  return (options = {}) => {
    const jobs = new Map<string, SimulatedJob & { doneAt: number }>()
    let made = 0
    const kinds = [...disturbancesOf('create', 'read', 'download'), ...faultsAt('judged', 'end', 'lookUp', 'answer')]
    return createSimulator(
      kindOf(
        name,
        says,
        kinds.filter((kind) => kind !== 'wrongSize'),
      ),
      options,
      (app, bench) => {
        const shown = (c: SimulatorContext, { doneAt, ...job }: SimulatedJob & { doneAt: number }) => {
          const isDone = job.state === 'working' && Date.now() >= doneAt
          return show(isDone ? { ...job, state: 'done', url: fileUrl(c, job.id) } : job)
        }
        const { none, late } = { none: 'no_such_task', late: 'too_late' }
        app.get(`${path}/*`, bench.during('read'))
        app.on('DELETE', `${path}/*`, bench.during('read'))
        app.get(path, bench.during('read'))
        app.post(path, bench.during('create'))
        app.get('/files/*', bench.during('download'))

        app.post(path, (c) => {
          if (bench.happens(c, 'refuseAtCreate')) return says(c, 403, 'moderation')
          const ending = bench.ending(c)
          const id = `job-${++made}`
          const request = c.get('json') as Record<string, unknown>
          const doneAt = Date.now() + bench.latencyMs()
          jobs.set(id, { id, request, doneAt, state: 'working', ...endOf(ending) })
          c.get('entry').created = id
          return c.json(shown(c, jobs.get(id) as SimulatedJob & { doneAt: number }))
        })
        app.get(path, (c) => c.json(list([...jobs.values()].map((job) => shown(c, job)))))
        app.get(`${path}/:id`, (c) => {
          const id = c.req.param('id')
          if (jobs.has(id) && bench.happens(c, 'vanish')) jobs.delete(id)
          const job = jobs.get(id)
          return job && !bench.happens(c, 'readMissing') ? c.json(shown(c, job)) : says(c, 404, none)
        })
        app.delete(`${path}/:id`, (c) => {
          const job = jobs.get(c.req.param('id'))
          if (!job) return says(c, 404, none)
          if (job.state !== 'working' || Date.now() >= job.doneAt) return says(c, 409, late)
          job.state = 'cancelled'
          return c.json({})
        })
        app.get('/files/:id', (c) => sendFile(c, file))
      },
    )
  }
}

function simulateSingle(name: string, provider: SingleProvider): CreateSimulator {
  const { path, answer, file } = provider
  const says = sayer(provider.showError)
  const kinds = answer ? [...OF_ANSWERS, 'acceptThenMalform' as const, ...disturbancesOf('download')] : OF_ANSWERS
  return (options = {}) => {
    let made = 0
    return createSimulator(kindOf(name, says, kinds), options, (app, bench) => {
      app.post(path, bench.during('create'))
      app.get('/files/*', bench.during('download'))
      app.post(path, async (c) => {
        if (bench.happens(c, 'refuseAtCreate')) return says(c, 403, 'moderation')
        const ending = bench.ending(c)
        await bench.pause(bench.latencyMs())
        const id = `answer-${++made}`
        c.get('entry').created = id
        if (ending) return ending === 'refuseAtFinish' ? says(c, 403, 'moderation') : says(c, 500, 'internal')
        return answer ? c.json(answer(c.get('json') as Record<string, unknown>, fileUrl(c, id))) : sendFile(c, file)
      })
      app.get('/files/:id', (c) => sendFile(c, file))
    })
  }
}

/** Of whatever a request is answered with: bytes have no JSON that could be malformed. */
const OF_ANSWERS: FaultKind[] = [
  ...disturbancesOf('create').filter((kind) => kind !== 'acceptThenMalform'),
  ...faultsAt('judged', 'answer'),
  ...(['refuseAtFinish', 'failAtFinish'] as const),
]

function endOf(ending: FaultKind | undefined): Partial<SimulatedJob> {
  if (ending === undefined) return {}
  if (ending === 'cancel') return { state: 'cancelled' }
  const code = { refuseAtFinish: 'moderation', expire: 'expired' }[ending as string] ?? 'internal'
  return { state: 'failed', error: { code, message: 'It ended so, as it was told to' } }
}

type Says = (c: SimulatorContext, status: ContentfulStatusCode, code: string) => Response

function sayer(show: ShowError = (error) => ({ error })): Says {
  return (c, status, code) => c.json(show({ code, message: `The simulator was told to say ${code}` }), status)
}

function kindOf(name: string, says: Says, faultKinds: FaultKind[]) {
  const errors: ProviderErrors = {
    rateLimited(c, seconds) {
      if (seconds !== null) c.header('retry-after', String(seconds))
      return says(c, 429, 'rate_limited')
    },
    quotaExceeded: (c) => says(c, 429, 'quota_exceeded'),
    overloaded: (c) => says(c, 503, 'overloaded'),
    accessDenied: (c) => says(c, 403, 'invalid_key'),
    failed: (c) => says(c, 500, 'internal'),
  }
  return { name, basePath: '', faultKinds, errors, realisticLatency: { shortest: 1000, longest: 3000 } }
}

function fileUrl(c: SimulatorContext, id: string): string {
  return `${new URL(c.req.url).origin}/files/${id}`
}

function sendFile(c: SimulatorContext, { bytes, type }: NonNullable<Provider['file']> = NO_FILE): Response {
  return c.body(new Uint8Array(bytes), 200, { 'content-type': type })
}

const NO_FILE = { bytes: Buffer.from('a file of the simulator’s\n'), type: 'text/plain' }
