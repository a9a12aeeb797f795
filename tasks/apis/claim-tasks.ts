import { type API, createAPI } from '../../lib/api.js'
import { CLAIM_TASKS } from '../../protocol/names.js'
import { claimTasksAnswerSchema, claimTasksSchema } from '../../protocol/wire.js'
import type { BatchToClaim, ClaimedBatch } from '../claim-batch.js'
import type { TaskStore } from '../task-store.js'
import { tellSteps } from '../transition-log.js'
import type { TaskAPIOptions } from './carry-out.js'
import { LOOK_AGAIN_MS, msUntil } from './fetch-pending-tasks.js'

/** Pause if what is due cannot be claimed: others have just locked it. */
const LOCKED_MS = 50

/**
 * Makes `POST claimTasks`: fetches and claims in one request. With `waitSeconds` (long poll), a request that finds
 * nothing is parked until there is something.
 */
export function createClaimTasksAPI({ namespace, store, logger }: TaskAPIOptions): API {
  return createAPI({
    name: CLAIM_TASKS,
    namespace,
    internal: true,
    summary: `Claim ${namespace} tasks that may be claimed now, the highest priority first, and of one priority the oldest`,
    params: claimTasksSchema,
    answer: claimTasksAnswerSchema,
    async callback({ signal }, { waitSeconds = 0, ...batch }) {
      const { arrivals } = store()
      const waitUntil = performance.now() + waitSeconds * 1000
      for (;;) {
        const seen = arrivals.count
        const { tasks, claimed, suspects, moved } = await claimUnlessGone(store(), batch, signal)
        for (const { row, steps } of moved) {
          const { id, taskKey, createdAt } = row
          tellSteps(logger, { namespace, apiCallId: id, taskKey, createdAt }, steps)
        }
        const isOver = claimed || suspects.length > 0 || batch.limit === 0 || signal.aborted
        if (isOver || performance.now() >= waitUntil) return { tasks, claimed, suspects }
        await untilDue(store(), seen, waitUntil, signal)
      }
    },
  })
}

/** Without its claimer the transaction is undone. */
async function claimUnlessGone(store: TaskStore, batch: BatchToClaim, signal: AbortSignal): Promise<ClaimedBatch> {
  try {
    return await store.claim(batch, signal)
  } catch (error) {
    if (error !== signal.reason) throw error
    return { tasks: [], claimed: false, suspects: [], isFull: false, moved: [] }
  }
}

/**
 * Waits until something may be claimed, or the time is over.
 *
 * @param seen the arrivals before the last try to claim
 */
async function untilDue(store: TaskStore, seen: number, waitUntil: number, signal: AbortSignal): Promise<void> {
  for (let looks = 0; ; looks += 1) {
    const { due, seconds } = await store.nextDue()
    if (due && looks > 0) return
    const leftMs = waitUntil - performance.now()
    const ms = due ? LOCKED_MS : Math.min(LOOK_AGAIN_MS, msUntil(seconds))
    await store.arrivals.next(seen, Math.min(leftMs, ms), signal, { claims: true })
    if (due || store.arrivals.count !== seen || signal.aborted || performance.now() >= waitUntil) return
  }
}
