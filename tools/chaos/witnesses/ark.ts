/** What the Ark simulator was asked to create: by its own list, and by the proxy before it. */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { PROVIDER_LATENCY_MS } from '../settings.js'
import type { Exchange } from '../system/fault-proxy.js'
import type { StoredTask } from './database.js'
import type { Violation } from './violation.js'

/** A create that the provider accepted. */
export interface AcceptedCreate {
  id: string
  seed: number
  status: string
  /** Unix milliseconds. */
  acceptedAt: number
}

const PAGE_SIZE = 100
const LIST_TIMEOUT_MS = 20_000
const listSchema = z.object({
  items: z.array(z.object({ id: z.string(), seed: z.number(), status: z.string(), created_at: z.number() })),
})
const createdSchema = z.object({ id: z.string() })
const createSchema = z.object({ seed: z.number() })

/**
 * Every accepted create. If its connection broke at the simulator, it is only in the list; if its record was deleted
 * after it had ended, it is only among the exchanges, and counts as paid for.
 */
export async function readCreates(arkUrl: string, exchanges: readonly Exchange[]): Promise<AcceptedCreate[]> {
  const creates = new Map<string, AcceptedCreate>()
  for (const { asked, answered, answeredAt } of exchanges) {
    const id = createdSchema.safeParse(answered).data?.id
    const seed = createSchema.safeParse(asked).data?.seed
    if (id !== undefined && seed !== undefined) {
      creates.set(id, { id, seed, status: 'succeeded', acceptedAt: answeredAt })
    }
  }
  for (let page = 1; ; page++) {
    const response = await fetch(`${arkUrl}/contents/generations/tasks?page_num=${page}&page_size=${PAGE_SIZE}`, {
      headers: { authorization: 'Bearer witness' },
      signal: AbortSignal.timeout(LIST_TIMEOUT_MS),
    })
    const { items } = listSchema.parse(await response.json())
    if (items.length === 0) return [...creates.values()]
    for (const { id, seed, status, created_at } of items) {
      creates.set(id, { id, seed, status, acceptedAt: creates.get(id)?.acceptedAt ?? created_at * 1000 })
    }
  }
}

/**
 * Creates that were accepted while an earlier one of the same task was running or had succeeded, creates that belong to
 * no task, and videos that count as completed though nothing was made.
 */
export function judgeCreates(tasks: readonly StoredTask[], creates: readonly AcceptedCreate[]): Violation[] {
  const videos = tasks.filter(({ kind }) => kind === 'video')
  const taskOfSeed = new Map<number, StoredTask>()
  for (const task of videos) {
    for (let attempt = 1; attempt <= task.attempts + 1; attempt++) taskOfSeed.set(markOf(task, attempt), task)
  }
  const byTask = new Map<StoredTask, AcceptedCreate[]>()
  const violations: Violation[] = []
  const duplicate = (task: string, what: string) => violations.push({ counts: 'duplicateProviderCreates', task, what })
  for (const create of [...creates].sort((a, b) => a.acceptedAt - b.acceptedAt)) {
    const task = taskOfSeed.get(create.seed)
    if (!task) {
      duplicate('no task', `${create.id} was created with a mark of no attempt`)
      continue
    }
    const earlier = byTask.get(task) ?? []
    const paid = earlier.find((other) => isPaid(other, create.acceptedAt))
    if (paid) duplicate(`video ${task.id}`, `${create.id} was created beside ${paid.id}, which is ${paid.status}`)
    byTask.set(task, [...earlier, create])
  }
  for (const task of videos) {
    if (task.status !== 'completed' || byTask.get(task)?.some(({ status }) => status === 'succeeded')) continue
    violations.push({ counts: 'lost', task: `video ${task.id}`, what: 'is completed, and Ark has made nothing for it' })
  }
  return violations
}

/** Running at that time, or successful in the end. */
function isPaid({ status, acceptedAt }: AcceptedCreate, at: number): boolean {
  return status === 'succeeded' || at < acceptedAt + PROVIDER_LATENCY_MS
}

/** The mark of an attempt: the first 31 bits of SHA-256 over task key and attempt. */
export function markOf({ taskKey }: Pick<StoredTask, 'taskKey'>, attempt: number): number {
  return createHash('sha256').update(`${taskKey}:${attempt}`).digest().readUInt32BE(0) >>> 1
}
