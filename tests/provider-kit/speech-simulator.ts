/** A small provider that speaks texts: by tasks that are polled, at once, and with every fault of the simulators. */
import { disturbancesOf } from '@/simulator/disturbances.js'
import { faultsAt } from '@/simulator/faults.js'
import type { SimulatorContext } from '@/simulator/http.js'
import { createSimulator, type Simulator, type SimulatorOptions } from '@/simulator/simulator.js'

const JOBS = '/v1/speech'

interface Job {
  id: string
  ref: string
  doneAt: number
  state: 'waiting' | 'done' | 'broken' | 'stopped'
  why?: { code: string; message: string }
}

const says = (c: SimulatorContext, status: 403 | 404 | 409 | 429 | 500 | 503, code: string) =>
  c.json({ error: { code, message: `It says ${code}` } }, status)

const errors = {
  rateLimited: (c: SimulatorContext, seconds: number | string | null) => {
    if (seconds !== null) c.header('retry-after', String(seconds))
    return says(c, 429, 'rate_limited')
  },
  quotaExceeded: (c: SimulatorContext) => says(c, 429, 'quota_exceeded'),
  overloaded: (c: SimulatorContext) => says(c, 503, 'overloaded'),
  accessDenied: (c: SimulatorContext) => says(c, 403, 'invalid_key'),
  failed: (c: SimulatorContext) => says(c, 500, 'internal'),
}

/** What every text is spoken as: the beginning of an MP3 file. */
export const MP3 = Buffer.from(`fffb9064${'00'.repeat(60)}`, 'hex')

export function createSpeechSimulator(options: SimulatorOptions = {}): Simulator {
  const jobs = new Map<string, Job>()
  const kind = {
    name: 'speech',
    basePath: '',
    faultKinds: [...disturbancesOf('create', 'read', 'download'), ...faultsAt('judged', 'end', 'lookUp', 'answer')],
    errors,
    realisticLatency: { shortest: 1000, longest: 2000 },
  }
  return createSimulator(kind, options, (app, bench) => {
    const shown = (c: SimulatorContext, job: Job) => {
      if (job.state === 'waiting' && Date.now() >= job.doneAt) job.state = 'done'
      return {
        ...job,
        seconds: 2,
        ...(job.state === 'done' && { url: `${new URL(c.req.url).origin}/files/${job.id}` }),
      }
    }
    const created = (c: SimulatorContext): Job => {
      const ending = bench.ending(c)
      const id = `job-${jobs.size + 1}`
      const { ref } = c.get('json') as { ref: string }
      const job: Job = { id, ref, doneAt: Date.now() + bench.latencyMs(), state: ending ? 'broken' : 'waiting' }
      if (ending) job.why = { code: ending === 'refuseAtFinish' ? 'moderation' : 'internal', message: 'It ended' }
      jobs.set(id, job)
      c.get('entry').created = id
      return job
    }
    app.get(`${JOBS}/*`, bench.during('read'))
    app.on('DELETE', `${JOBS}/*`, bench.during('read'))
    app.get(JOBS, bench.during('read'))
    app.post(JOBS, bench.during('create'))
    app.post('/v1/now', bench.during('create'))
    app.get('/files/*', bench.during('download'))

    app.post(JOBS, (c) =>
      bench.happens(c, 'refuseAtCreate') ? says(c, 403, 'moderation') : c.json(shown(c, created(c))),
    )
    app.post('/v1/now', (c) => {
      created(c)
      return c.body(new Uint8Array(MP3), 200, { 'content-type': 'text/html' })
    })
    app.get(JOBS, (c) => c.json({ jobs: [...jobs.values()].map((job) => shown(c, job)) }))
    app.get(`${JOBS}/:id`, (c) => {
      const job = jobs.get(c.req.param('id'))
      return job && !bench.happens(c, 'vanish') ? c.json(shown(c, job)) : says(c, 404, 'no_such_job')
    })
    app.delete(`${JOBS}/:id`, (c) => {
      const job = jobs.get(c.req.param('id'))
      if (!job) return says(c, 404, 'no_such_job')
      if (shown(c, job).state !== 'waiting') return says(c, 409, 'too_late')
      job.state = 'stopped'
      return c.json({})
    })
    app.get('/files/:id', (c) => c.body(new Uint8Array(MP3), 200, { 'content-type': 'text/html' }))
  })
}
