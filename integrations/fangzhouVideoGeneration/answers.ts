/** Ark's answers. Only the core is required: other fields depend on the model, and unknown ones are kept. */
import { z } from 'zod'
import type { VideoRequest, VideoResult } from './schemas.js'

const STATUSES = ['queued', 'running', 'succeeded', 'failed', 'cancelled', 'expired'] as const

const reasonSchema = z.union([
  z.looseObject({ code: z.string().nullish(), message: z.string().nullish() }),
  z.string().transform((message) => ({ code: undefined, message })),
])

export const createAnswerSchema = z.looseObject({ id: z.string().min(1) })

const text = z.string().nullish().catch(undefined)
const number = z.number().nullish().catch(undefined)

export const arkTaskSchema = z.looseObject({
  id: z.string().min(1),
  /** A known status, or a new one. */
  status: z.string(),
  model: text,
  error: reasonSchema.nullish().catch(undefined),
  failure_reason: reasonSchema.nullish().catch(undefined),
  content: z.looseObject({ video_url: text, last_frame_url: text }).nullish(),
  usage: z.looseObject({ completion_tokens: number, total_tokens: number }).nullish().catch(undefined),
  seed: number,
  safety_identifier: text,
  resolution: text,
  ratio: text,
  duration: number,
  frames: number,
  framespersecond: number,
  service_tier: text,
  /** Unix seconds; for a task that has ended, the time of its end. */
  updated_at: number,
})
export type ArkTask = z.output<typeof arkTaskSchema>

export const listAnswerSchema = z.looseObject({ items: z.array(arkTaskSchema).nullish(), total: number })

/** Undefined for an unknown status. */
export function knownStatus({ status }: Pick<ArkTask, 'status'>) {
  return STATUSES.find((known) => known === status)
}

/** Ark omits some fields, and ignores those that a model does not support. */
export function differencesOf(asked: VideoRequest, made: ArkTask): NonNullable<VideoResult['differences']> {
  const wanted = { ...asked }
  if (asked.frames !== undefined && !made.frames) {
    // Ark reports only the duration then, in whole seconds of 24 frames.
    wanted.duration = Math.floor(asked.frames / 24)
  }
  return (['resolution', 'ratio', 'duration', 'frames'] as const).flatMap((field) => {
    const [want, got] = [wanted[field], made[field]]
    if (want === undefined || want === 'adaptive' || got === undefined || got === null || got === want) return []
    return { field, asked: want, made: got }
  })
}
