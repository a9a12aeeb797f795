/** A task of the Ark simulator: its request, when its status changes, and how it ends. Times are unix milliseconds. */
import { createHash, randomInt, randomUUID } from 'node:crypto'
import { seedOf } from '../../../simulator/chance.js'
import type { FaultKind } from '../../../simulator/faults.js'
import { type CreateTask, keepsSeed, promptOf } from './request.js'
import { FRAMES_PER_SECOND, type VideoSpec } from './video.js'

export const TASK_STATUSES = ['queued', 'running', 'succeeded', 'failed', 'cancelled', 'expired'] as const
export type TaskStatus = (typeof TASK_STATUSES)[number]

export interface Task {
  readonly id: string
  readonly request: CreateTask
  readonly video: VideoSpec
  readonly createdAt: number
  startsAt: number
  endsAt: number
  end: Exclude<TaskStatus, 'queued' | 'running'>
  error: { code: string; message: string } | null
}

const DRAFT_RESOLUTION = '480p'
/** The share of the latency for which a task is queued. */
const QUEUED_SHARE = 0.2
const DAY_MS = 24 * 3600_000
export const RECORD_LIFE_MS = 7 * DAY_MS
const FILE_LIFE_MS = DAY_MS

/** @param ending the fault with which it ends, unless it succeeds */
export function newTask(request: CreateTask, createdAt: number, latencyMs: number, ending?: FaultKind): Task {
  const seed = request.seed === -1 || !keepsSeed(request.model) ? randomInt(2 ** 32) : request.seed
  const ratio = ratioOf(request, ending)
  const frames = request.frames ?? request.duration * FRAMES_PER_SECOND
  const task: Task = {
    id: `cgt-simulated-${randomUUID()}`,
    request: { ...request, seed, ratio, ...(request.draft && { resolution: DRAFT_RESOLUTION }) },
    video: { ratio, frames, seed: seedOf(promptOf(request)) },
    createdAt,
    startsAt: createdAt + latencyMs * QUEUED_SHARE,
    endsAt: createdAt + latencyMs,
    ...endOf(promptOf(request).includes('[fail]') ? 'refuseAtFinish' : ending),
  }
  const expiresAt = createdAt + request.execution_expires_after * 1000
  if (task.endsAt > expiresAt) {
    Object.assign(task, { end: 'expired', startsAt: Math.min(task.startsAt, expiresAt), endsAt: expiresAt })
  }
  // Only a queued task can be cancelled.
  if (task.end === 'cancelled') task.endsAt = task.startsAt
  return task
}

export function statusAt({ startsAt, endsAt, end }: Task, now: number): TaskStatus {
  if (now >= endsAt) return end
  return now >= startsAt ? 'running' : 'queued'
}

/** When the status changes next; undefined once it is final. */
export function nextChange({ startsAt, endsAt }: Task, now: number): number | undefined {
  return [startsAt, endsAt].find((change) => change > now)
}

export function cancelTask(task: Task, now: number): void {
  Object.assign(task, { end: 'cancelled', startsAt: now, endsAt: now })
}

/** Links are signed, and expire. */
export function fileIsThere(task: Task, signature: string | undefined, now: number): boolean {
  return signature === signatureOf(task) && now < task.endsAt + FILE_LIFE_MS
}

/**
 * The answer to a GET of the task.
 *
 * @param origin where this simulator is reached
 */
export function describeTask(task: Task, now: number, origin: string) {
  const { id, request, video, createdAt, startsAt, endsAt } = task
  const status = statusAt(task, now)
  const file = (extension: string) => `${origin}/files/${id}.${extension}?signature=${signatureOf(task)}`
  const changedAt = status === 'queued' ? createdAt : status === 'running' ? startsAt : endsAt
  return {
    id,
    model: request.model,
    status,
    error: status === 'failed' ? task.error : null,
    created_at: Math.floor(createdAt / 1000),
    updated_at: Math.floor(changedAt / 1000),
    ...(status === 'succeeded' && {
      content: { video_url: file('mp4'), ...(request.return_last_frame && { last_frame_url: file('png') }) },
      usage: { completion_tokens: video.frames * 100, total_tokens: video.frames * 100 },
    }),
    seed: request.seed,
    resolution: request.resolution,
    ratio: request.ratio,
    ...(request.frames === undefined ? { duration: request.duration } : { frames: request.frames }),
    framespersecond: FRAMES_PER_SECOND,
    generate_audio: request.generate_audio,
    draft: request.draft,
    service_tier: request.service_tier,
    execution_expires_after: request.execution_expires_after,
    ...(request.safety_identifier !== undefined && { safety_identifier: request.safety_identifier }),
  }
}

/** Ark does not always follow the request, but reports what it did. */
function ratioOf({ ratio }: CreateTask, ending: FaultKind | undefined): CreateTask['ratio'] {
  const made = ratio === 'adaptive' ? '16:9' : ratio
  if (ending !== 'wrongSize') return made
  return made === '1:1' ? '16:9' : '1:1'
}

function endOf(ending: FaultKind | undefined): Pick<Task, 'end' | 'error'> {
  switch (ending) {
    case 'refuseAtFinish': {
      const message = 'The output video may contain sensitive information'
      return { end: 'failed', error: { code: 'OutputVideoSensitiveContentDetected', message } }
    }
    case 'failAtFinish':
      return { end: 'failed', error: { code: 'InternalServiceError', message: 'The service failed' } }
    case 'expire':
      return { end: 'expired', error: null }
    case 'cancel':
      return { end: 'cancelled', error: null }
    default:
      return { end: 'succeeded', error: null }
  }
}

function signatureOf({ id }: Task): string {
  return createHash('sha256').update(`signature of ${id}`).digest('hex').slice(0, 32)
}
