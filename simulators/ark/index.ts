/**
 * Ark's video task API, for trying things out with no key and for tests. A prompt with `[refuse]` is refused by
 * moderation at once, one with `[fail]` after it was made.
 */
import { randomInt, randomUUID } from 'node:crypto'
import type { z } from 'zod'
import { encodePng, seedOf } from '../picture.js'
import {
  createSimulator,
  type Faults,
  resetConnection,
  type Simulator,
  type SimulatorContext,
  type SimulatorOptions,
  takeFault,
} from '../simulator.js'
import { type CreateTask, createTaskSchema, promptOf } from './request.js'
import { FRAMES_PER_SECOND, renderFrame, renderVideo, type VideoSpec } from './video.js'

const BASE_PATH = '/api/v3'
const TASKS = `${BASE_PATH}/contents/generations/tasks`
/** The part of the latency that a task waits before it runs. */
const QUEUED_SHARE = 0.2

interface Task {
  id: string
  request: CreateTask
  video: VideoSpec
  /** Unix milliseconds. */
  createdAt: number
  cancelledAt?: number
}

export function createArkSimulator(options: SimulatorOptions = {}): Simulator {
  const tasks = new Map<string, Task>()
  const { latencyMs = 3000, now = Date.now } = options

  return createSimulator({ name: 'ark', basePath: BASE_PATH }, options, (app, faults) => {
    app.use(`${BASE_PATH}/*`, async (c, next) => {
      if (/^Bearer \S+$/.test(c.req.header('authorization') ?? '')) return next()
      return failure(c, 401, 'AuthenticationError', 'The API key is missing or invalid')
    })

    app.on('GET', `${TASKS}/*`, async (c, next) => {
      if (takeFault(faults, 'readsFailing')) return failure(c, 500, 'InternalServiceError', 'The service failed')
      return next()
    })

    app.post(TASKS, (c) => {
      const fault = faultBefore(c, faults)
      if (fault) return fault
      const request = createTaskSchema.safeParse(c.get('json'))
      if (!request.success) return invalid(c, request.error)
      if (promptOf(request.data).includes('[refuse]')) {
        return failure(c, 400, 'InputTextSensitiveContentDetected', 'The input text may contain sensitive information')
      }
      const task = newTask(request.data, now())
      tasks.set(task.id, task)
      return takeFault(faults, 'resetting') ? resetConnection(c) : c.json({ id: task.id })
    })

    app.get(TASKS, (c) => {
      const status = c.req.query('filter.status')
      const model = c.req.query('filter.model')
      const ids = c.req.queries('filter.task_ids')
      const pageSize = Number(c.req.query('page_size') ?? 10)
      const from = (Number(c.req.query('page_num') ?? 1) - 1) * pageSize
      const listed = [...tasks.values()]
        .reverse()
        .filter((task) => !model || task.request.model === model)
        .filter((task) => !ids?.length || ids.includes(task.id))
        .map((task) => describe(task, statusOf(task, latencyMs, now()), c))
        .filter((task) => !status || task.status === status)
      return c.json({ total: listed.length, items: listed.slice(from, from + pageSize) })
    })

    app.get(`${TASKS}/:id`, (c) => {
      const task = tasks.get(c.req.param('id'))
      return task ? c.json(describe(task, statusOf(task, latencyMs, now()), c)) : notFound(c)
    })

    app.delete(`${TASKS}/:id`, (c) => {
      const task = tasks.get(c.req.param('id'))
      if (!task) return notFound(c)
      const status = statusOf(task, latencyMs, now())
      if (status === 'running') {
        return failure(c, 409, 'InvalidAction.RunningTaskDeletion', 'A running task cannot be deleted')
      }
      if (status === 'queued') task.cancelledAt = now()
      else tasks.delete(task.id)
      return c.json({})
    })

    app.get('/files/:file', async (c) => {
      const [id = '', extension] = c.req.param('file').split('.')
      const task = tasks.get(id)
      if (!task || statusOf(task, latencyMs, now()) !== 'succeeded') return c.notFound()
      if (extension === 'mp4')
        return c.body(new Uint8Array(await renderVideo(task.video)), 200, { 'content-type': 'video/mp4' })
      const lastFrame = renderFrame(task.video, task.video.duration - 1 / FRAMES_PER_SECOND)
      return c.body(new Uint8Array(encodePng(lastFrame)), 200, { 'content-type': 'image/png' })
    })
  })
}

function newTask(request: CreateTask, createdAt: number): Task {
  const seed = request.seed === -1 ? randomInt(2 ** 32) : request.seed
  const ratio = request.ratio === 'adaptive' ? '16:9' : request.ratio
  return {
    id: `cgt-simulated-${randomUUID()}`,
    request: { ...request, seed, ratio },
    video: { ratio, duration: request.duration, seed: seedOf(promptOf(request)) },
    createdAt,
  }
}

function statusOf(task: Task, latencyMs: number, now: number) {
  if (task.cancelledAt !== undefined) return 'cancelled'
  const elapsed = now - task.createdAt
  if (elapsed < latencyMs * QUEUED_SHARE) return 'queued'
  if (elapsed < latencyMs) return 'running'
  return promptOf(task.request).includes('[fail]') ? 'failed' : 'succeeded'
}

function describe(task: Task, status: ReturnType<typeof statusOf>, c: SimulatorContext) {
  const { id, request, createdAt } = task
  const file = (extension: string) => new URL(`/files/${id}.${extension}`, c.req.url).href
  const frames = request.duration * FRAMES_PER_SECOND
  return {
    id,
    model: request.model,
    status,
    error:
      status === 'failed'
        ? { code: 'OutputVideoSensitiveContentDetected', message: 'The output video may contain sensitive information' }
        : null,
    created_at: Math.floor(createdAt / 1000),
    updated_at: Math.floor((task.cancelledAt ?? createdAt) / 1000),
    ...(status === 'succeeded' && {
      content: { video_url: file('mp4'), ...(request.return_last_frame && { last_frame_url: file('png') }) },
      usage: { completion_tokens: frames * 100, total_tokens: frames * 100 },
    }),
    seed: request.seed,
    resolution: request.resolution,
    ratio: request.ratio,
    duration: request.duration,
    framespersecond: FRAMES_PER_SECOND,
    service_tier: request.service_tier,
    execution_expires_after: request.execution_expires_after,
  }
}

function faultBefore(c: SimulatorContext, faults: Faults): Response | undefined {
  if (takeFault(faults, 'rateLimited')) {
    if (faults.retryAfterSeconds !== null) c.header('retry-after', String(faults.retryAfterSeconds))
    return failure(c, 429, 'RateLimitExceeded.EndpointRPMExceeded', 'Too many requests')
  }
  if (takeFault(faults, 'failing')) return failure(c, 500, 'InternalServiceError', 'The service failed')
  return undefined
}

function invalid(c: SimulatorContext, { issues: [issue] }: z.ZodError): Response {
  const param = issue?.path.join('.') ?? ''
  const missing = issue?.code === 'invalid_type' && issue.message.includes('undefined')
  const code = missing ? 'MissingParameter' : 'InvalidParameter'
  return failure(c, 400, code, `${param || 'The request'}: ${issue?.message}`, param)
}

function notFound(c: SimulatorContext): Response {
  return failure(c, 404, 'ResourceNotFound', 'The specified task is not found')
}

function failure(
  c: SimulatorContext,
  status: 400 | 401 | 404 | 409 | 429 | 500,
  code: string,
  message: string,
  param = '',
): Response {
  return c.json({ error: { code, message, param, type: status < 500 ? 'BadRequest' : 'InternalServerError' } }, status)
}
