/** Compares what was claimed in batches with what the claimers were told: nobody holds a claim unknowingly. */
import { z } from 'zod'
import { CLAIM_TASKS } from '../../../protocol/names.js'
import type { Exchange } from '../system/fault-proxy.js'
import type { InflictedFault } from '../system/injector.js'
import { KINDS, type StoredEvent, type StoredTask } from './database.js'
import type { Violation } from './violation.js'

/** What one claimId was used for, over all its requests. */
export interface ClaimRequests {
  /** When the first one was passed on to main. Unix milliseconds. */
  firstSentAt: number
  /** The answers that reached the claimer, by which it was told that it has claimed. */
  told: Array<{ answeredAt: number; taskIds: string[] }>
  /** Whether the claimer was killed after its first request: then only the lease frees what it claimed. */
  killed: boolean
}

const askedSchema = z.object({ claimId: z.string() })
const answeredSchema = z.object({ claimed: z.literal(true), tasks: z.array(z.object({ id: z.string() })) })

/** The claims of each daemon, by namespace and claimId. */
export function claimsOf(
  daemons: ReadonlyArray<{ exchanges: readonly Exchange[] }>,
  faults: readonly InflictedFault[],
): Map<string, ClaimRequests> {
  const claims = new Map<string, ClaimRequests>()
  for (const [index, { exchanges }] of daemons.entries()) {
    const kills = faults.filter((fault) => fault.kind === 'daemon-kill' && fault.index === index)
    for (const { path, asked, answered, delivered, sentAt, answeredAt } of exchanges) {
      const [, namespace] = new RegExp(`^/api/([^/]+)/${CLAIM_TASKS}$`).exec(path) ?? []
      const claimId = askedSchema.safeParse(asked).data?.claimId
      if (namespace === undefined || claimId === undefined) continue
      const key = `${namespace}:${claimId}`
      const claim = claims.get(key) ?? { firstSentAt: sentAt, told: [], killed: false }
      claim.firstSentAt = Math.min(claim.firstSentAt, sentAt)
      claim.killed = kills.some(({ endedAt }) => endedAt >= claim.firstSentAt)
      const answer = delivered ? answeredSchema.safeParse(answered).data : undefined
      if (answer) claim.told.push({ answeredAt, taskIds: answer.tasks.map(({ id }) => id) })
      claims.set(key, claim)
    }
  }
  return claims
}

/** Tasks that were claimed in a batch whose claimer lives, and was never told of them while they were its own. */
export function judgeClaims(tasks: readonly StoredTask[], claims: ReadonlyMap<string, ClaimRequests>): Violation[] {
  return tasks.flatMap((task) =>
    task.events.flatMap((event, place) => {
      if (event.claimId === undefined) return []
      const claim = claims.get(`${KINDS[task.kind].namespace}:${event.claimId}`)
      if (claim && (claim.killed || claim.told.some((answer) => tells(answer, task, task.events[place + 1])))) return []
      const what = `was claimed under ${event.claimId}, and its claimer was never told`
      return [{ counts: 'lost' as const, task: `${task.kind} ${task.id}`, what }]
    }),
  )
}

/** An answer names the task, unless something else has moved it by then. */
function tells(
  { answeredAt, taskIds }: ClaimRequests['told'][number],
  { id }: StoredTask,
  next: StoredEvent | undefined,
): boolean {
  return taskIds.includes(id) || (next !== undefined && next.at * 1000 <= answeredAt)
}
