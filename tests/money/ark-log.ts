/** What the Ark simulator accepted, and what became of it: from its own log of requests. */
import { z } from 'zod'
import type { FaultKind } from '@/simulator/faults.js'
import type { LoggedRequest } from '@/simulator/request-log.js'
import { FRAMES_PER_SECOND } from '@/tools/simulators/ark/video.js'

/** A create that the provider accepted, and would charge for. Times are unix milliseconds. */
export interface AcceptedCreate {
  id: string
  /** The mark that it carried. */
  seed: number
  acceptedAt: number
  /** When the provider is done with it. */
  endsAt: number
  succeeds: boolean
  /** What it charges for, if it succeeds. */
  tokens: number
  /** When its record was gone from the provider, by the provider's own fault. */
  vanishedAt?: number
}

const TASKS = '/contents/generations/tasks'
/** A task that the provider cancels ends before it has begun: see the simulator. */
const QUEUED_SHARE = 0.2
const NO_VIDEO: FaultKind[] = ['refuseAtFinish', 'failAtFinish', 'expire', 'cancel']
const createSchema = z.object({ seed: z.number(), duration: z.number() })
/** As the simulator's usage says: so many for each frame. */
const TOKENS_OF_SECOND = FRAMES_PER_SECOND * 100

/** @param latencyMs how long the simulator takes for a video */
export function acceptedCreates(log: readonly LoggedRequest[], latencyMs: number): AcceptedCreate[] {
  const vanished = new Map<string, number>()
  for (const { path, faults, at } of log) {
    if (faults.includes('vanish')) vanished.set(path.split('/').at(-1) ?? '', at)
  }
  return log.flatMap(({ created: id, body, faults, at }) => {
    if (id === undefined) return []
    const vanishedAt = vanished.get(id)
    const { seed, duration } = createSchema.parse(body)
    return {
      id,
      seed,
      tokens: duration * TOKENS_OF_SECOND,
      acceptedAt: at,
      endsAt: at + latencyMs * (faults.includes('cancel') ? QUEUED_SHARE : 1),
      succeeds: !faults.some((kind) => NO_VIDEO.includes(kind)),
      ...(vanishedAt !== undefined && { vanishedAt }),
    }
  })
}

/** Whether the request asks for a video. */
export function isCreate({ method, path }: LoggedRequest): boolean {
  return method === 'POST' && path.endsWith(TASKS)
}

/** How often each kind of fault happened. */
export function countFaults(log: readonly LoggedRequest[]): Partial<Record<FaultKind, number>> {
  const counts: Partial<Record<FaultKind, number>> = {}
  for (const kind of log.flatMap(({ faults }) => faults)) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}

/** The key of the task whose create this is, as its callback address says. */
export function taskKeyOf({ body }: LoggedRequest): string | undefined {
  const callback = z.object({ callback_url: z.string() }).safeParse(body).data?.callback_url
  return /\/providerCallback\/([^/]+)\//.exec(callback ?? '')?.[1]
}
