/**
 * Ark's video task API, for development without a key and for tests. A prompt with `[refuse]` is refused by moderation
 * at once, one with `[fail]` after the video was made.
 */
import { disturbancesOf } from '../../../simulator/disturbances.js'
import { faultsAt } from '../../../simulator/faults.js'
import type { SimulatorContext } from '../../../simulator/http.js'
import { createSimulator, type Simulator, type SimulatorOptions } from '../../../simulator/simulator.js'
import { encodePng } from '../picture.js'
import { Callbacks } from './callbacks.js'
import {
  arkErrors,
  authenticationError,
  inputRefused,
  invalid,
  modelNotFound,
  modelNotOpen,
  runningTask,
  taskNotFound,
  tooManyRunning,
} from './errors.js'
import { type ArkLimits, createLimits } from './limits.js'
import { listQuerySchema } from './list.js'
import { createTaskSchema, inFull, promptOf, secondsOf } from './request.js'
import { cancelTask, describeTask, fileIsThere, newTask, RECORD_LIFE_MS, statusAt, type Task } from './task.js'
import { renderLastFrame, renderVideo } from './video.js'

export interface ArkSimulatorOptions extends SimulatorOptions, ArkLimits {
  /** Existing models that the account has not activated. Default: none. */
  closedModels?: string[]
  /** The clock for the age of tasks, records and links, in milliseconds. Default: the computer's. */
  now?: () => number
}

const BASE_PATH = '/api/v3'
const TASKS = `${BASE_PATH}/contents/generations/tasks`
/** The video to which the usual latency applies. */
const USUAL_SECONDS = 5

export function createArkSimulator(options: ArkSimulatorOptions = {}): Simulator {
  const { now = Date.now, apiKey, models, closedModels = [] } = options
  const tasks = new Map<string, Task>()
  const overLimit = createLimits(options)
  const forgetOld = () => {
    for (const task of tasks.values()) if (now() >= task.createdAt + RECORD_LIFE_MS) tasks.delete(task.id)
  }
  const describe = (task: Task, c: SimulatorContext) => describeTask(task, now(), new URL(c.req.url).origin)
  const kind = {
    name: 'ark',
    basePath: BASE_PATH,
    faultKinds: [...disturbancesOf('create', 'read', 'download'), ...faultsAt('judged', 'end', 'lookUp', 'answer')],
    errors: arkErrors,
    realisticLatency: { shortest: 25_000, longest: 40_000 },
  }

  return createSimulator(kind, options, (app, bench) => {
    const callbacks = new Callbacks({ ...bench, now })
    const find = (c: SimulatorContext): Task | undefined => {
      const task = tasks.get(c.req.param('id') ?? '')
      if (!task || bench.happens(c, 'readMissing')) return undefined
      if (!bench.happens(c, 'vanish')) return task
      tasks.delete(task.id)
      return undefined
    }

    app.use(`${BASE_PATH}/*`, async (c, next) => {
      forgetOld()
      const key = /^Bearer (\S+)$/.exec(c.req.header('authorization') ?? '')?.[1]
      return key === undefined || (apiKey !== undefined && key !== apiKey) ? authenticationError(c) : next()
    })
    app.get(TASKS, bench.during('read'))
    app.on(['GET', 'DELETE'], `${TASKS}/:id`, bench.during('read'))
    app.post(TASKS, bench.during('create'))
    app.get('/files/*', bench.during('download'))

    app.post(TASKS, (c) => {
      const parsed = createTaskSchema.safeParse(c.get('json'))
      if (!parsed.success) return invalid(c, parsed.error)
      let request = parsed.data
      if (closedModels.includes(request.model)) return modelNotOpen(c, request.model)
      if (models && !models.includes(request.model)) return modelNotFound(c, request.model)
      const [part] = request.content
      if (part?.type === 'draft_task') {
        const draft = tasks.get(part.draft_task.id)
        if (!draft?.request.draft || statusAt(draft, now()) !== 'succeeded') return taskNotFound(c)
        request = inFull(request, draft.request)
      }
      if (promptOf(request).includes('[refuse]') || bench.happens(c, 'refuseAtCreate')) return inputRefused(c)
      const limit = overLimit(request.model, tasks.values(), now())
      if (limit === 'maxRunning') return tooManyRunning(c)
      if (limit === 'requestsPerMinute') return arkErrors.rateLimited(c, null)

      const task = newTask(request, now(), bench.latencyMs(secondsOf(request) / USUAL_SECONDS), bench.ending(c))
      tasks.set(task.id, task)
      c.get('entry').created = task.id
      void callbacks.follow(task, () => describe(task, c))
      return c.json({ id: task.id })
    })

    app.get(TASKS, (c) => {
      const query = listQuerySchema.safeParse({
        ...c.req.query(),
        'filter.task_ids': c.req.queries('filter.task_ids'),
      })
      if (!query.success) return invalid(c, query.error)
      const { page_num: page, page_size: size } = query.data
      const { 'filter.status': status, 'filter.model': model, 'filter.task_ids': ids } = query.data
      const { 'filter.service_tier': tier } = query.data
      const listed = [...tasks.values()]
        .reverse()
        .filter((task) => task.request.service_tier === tier)
        .filter((task) => !model || task.request.model === model)
        .filter((task) => !ids || ids.includes(task.id))
        .filter((task) => !status || statusAt(task, now()) === status)
      const items = listed.slice((page - 1) * size, page * size).map((task) => {
        // The list's name for it differs from that of a GET.
        const { error, ...item } = describe(task, c)
        return { ...item, failure_reason: error }
      })
      return c.json({ total: listed.length, items })
    })

    app.get(`${TASKS}/:id`, (c) => {
      const task = find(c)
      return task ? c.json(describe(task, c)) : taskNotFound(c)
    })

    app.delete(`${TASKS}/:id`, (c) => {
      const task = find(c)
      if (!task) return taskNotFound(c)
      const status = statusAt(task, now())
      if (status === 'running') return runningTask(c)
      if (status === 'queued') {
        cancelTask(task, now())
        void callbacks.announce(task, () => describe(task, c))
      } else if (status !== 'cancelled') tasks.delete(task.id)
      return c.json({})
    })

    app.get('/files/:file', async (c) => {
      const [id = '', extension] = c.req.param('file').split('.')
      const task = tasks.get(id)
      if (!task || statusAt(task, now()) !== 'succeeded') return c.notFound()
      if (!fileIsThere(task, c.req.query('signature'), now())) return c.body('The link has expired', 403)
      return extension === 'mp4'
        ? c.body(new Uint8Array(await renderVideo(task.video)), 200, { 'content-type': 'video/mp4' })
        : c.body(new Uint8Array(encodePng(renderLastFrame(task.video))), 200, { 'content-type': 'image/png' })
    })
  })
}
