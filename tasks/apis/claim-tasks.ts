import { type API, createAPI } from '../../lib/api.js'
import { CLAIM_TASKS } from '../../protocol/names.js'
import { claimTasksAnswerSchema, claimTasksSchema } from '../../protocol/wire.js'
import type { BatchToClaim, ClaimedBatch } from '../claim-batch.js'
import type { TaskStore } from '../task-store.js'
import { tellSteps } from '../transition-log.js'
import type { TaskAPIOptions } from './carry-out.js'

const NOTHING = { tasks: [], claimed: false, suspects: [] }

/**
 * Makes `POST claimTasks`: fetches and claims in one request. With `waitSeconds` (long poll), a request is parked until
 * there is something: whoever is parked looks at once, which costs less than a claim that finds nothing.
 */
export function createClaimTasksAPI({ namespace, store, logger }: TaskAPIOptions): API {
  return createAPI({
    name: CLAIM_TASKS,
    namespace,
    internal: true,
    summary: `Claim ${namespace} tasks that may be claimed now, the highest priority first, and of one priority the oldest`,
    params: claimTasksSchema,
    answer: claimTasksAnswerSchema,
    async callback({ signal, daemon }, { waitSeconds = 0, ...batch }) {
      const { arrivals } = store()
      const answered = store().asks(daemon, { forTasks: batch.limit !== 0 })
      const waitUntil = performance.now() + waitSeconds * 1000
      try {
        const mayWait = waitSeconds > 0 && batch.limit > 0
        let waits = mayWait && !arrivals.isUntaken && !(await store().hasClaimed(batch.claimId))
        for (;;) {
          const leftMs = waitUntil - performance.now()
          const woken = !waits || (await arrivals.untilWoken(leftMs, signal, batch.claimId))
          if (!woken) return { ...NOTHING, runsInFlight: await store().hasRunsInFlight() }
          const given = woken === true ? await claimUnlessGone(store(), batch, signal) : woken
          const { tasks, claimed, suspects, moved } = given
          for (const { row, steps } of moved) tellSteps(logger, namespace, row, steps)
          waits = mayWait && !claimed && suspects.length === 0
          if (!waits) return { tasks, claimed, suspects }
        }
      } finally {
        answered()
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
