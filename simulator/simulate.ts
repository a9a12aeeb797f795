/** Simulators of small providers, from what their answers look like: with the log, the latency and every fault of ours. */
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { disturbancesOf, type ProviderErrors } from './disturbances.js'
import { faultsAt } from './faults.js'
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
  /** What a request is answered with. `url` leads to the file. */
  answer(request: Record<string, unknown>, url: string): object
}

/** Makes the simulator of a provider that takes tasks and is asked how far they are. */
export function simulatePolled(provider: PolledProvider): (options?: SimulatorOptions) => Simulator {
  const { path, show, list = (jobs) => ({ jobs }), file } = provider
  const says = sayer(provider.showError)
  return (options = {}) => {
    const jobs = new Map<string, SimulatedJob & { doneAt: number }>()
    const kinds = faultsAt('judged', 'end', 'lookUp', 'answer')
    return createSimulator(kindOf(says, kinds), options, (app, bench) => {
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
        const id = `job-${jobs.size + 1}`
        const request = c.get('json') as Record<string, unknown>
        const doneAt = Date.now() + bench.latencyMs()
        const code = ending === 'refuseAtFinish' ? 'moderation' : 'internal'
        jobs.set(id, {
          ...{ id, request, doneAt, state: ending ? 'failed' : 'working' },
          ...(ending && { error: { code, message: 'It ended so, as it was told to' } }),
        })
        c.get('entry').created = id
        return c.json(shown(c, jobs.get(id) as SimulatedJob & { doneAt: number }))
      })
      app.get(path, (c) => c.json(list([...jobs.values()].map((job) => shown(c, job)))))
      app.get(`${path}/:id`, (c) => {
        const job = jobs.get(c.req.param('id'))
        return job && !bench.happens(c, 'vanish') ? c.json(shown(c, job)) : says(c, 404, none)
      })
      app.delete(`${path}/:id`, (c) => {
        const job = jobs.get(c.req.param('id'))
        if (!job) return says(c, 404, none)
        if (job.state !== 'working' || Date.now() >= job.doneAt) return says(c, 409, late)
        job.state = 'cancelled'
        return c.json({})
      })
      app.get('/files/:id', (c) => sendFile(c, file))
    })
  }
}

/** Makes the simulator of a provider that answers one long request. */
export function simulateSingle(provider: SingleProvider): (options?: SimulatorOptions) => Simulator {
  const { path, answer, file } = provider
  const says = sayer(provider.showError)
  return (options = {}) => {
    let made = 0
    return createSimulator(kindOf(says, faultsAt('judged', 'answer')), options, (app, bench) => {
      app.post(path, bench.during('create'))
      app.get('/files/*', bench.during('download'))
      app.post(path, async (c) => {
        if (bench.happens(c, 'refuseAtCreate')) return says(c, 403, 'moderation')
        await bench.pause(bench.latencyMs())
        const id = `answer-${++made}`
        c.get('entry').created = id
        return c.json(answer(c.get('json') as Record<string, unknown>, fileUrl(c, id)))
      })
      app.get('/files/:id', (c) => sendFile(c, file))
    })
  }
}

type Says = (c: SimulatorContext, status: ContentfulStatusCode, code: string) => Response

function sayer(show: ShowError = (error) => ({ error })): Says {
  return (c, status, code) => c.json(show({ code, message: `The simulator was told to say ${code}` }), status)
}

function kindOf(says: Says, faultKinds: ReturnType<typeof faultsAt>) {
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
  const all = [...disturbancesOf('create', 'read', 'download'), ...faultKinds]
  return { name: 'own', basePath: '', faultKinds: all, errors, realisticLatency: { shortest: 1000, longest: 3000 } }
}

function fileUrl(c: SimulatorContext, id: string): string {
  return `${new URL(c.req.url).origin}/files/${id}`
}

function sendFile(c: SimulatorContext, { bytes, type }: NonNullable<Provider['file']> = NO_FILE): Response {
  return c.body(new Uint8Array(bytes), 200, { 'content-type': type })
}

const NO_FILE = { bytes: Buffer.from('a file of the simulator’s\n'), type: 'text/plain' }
