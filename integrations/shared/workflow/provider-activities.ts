/** How a workflow sends requests to its provider: by activities on the queue that keeps to the provider's limits. */
import { type ActivityInterfaceFor, proxyActivities, workflowInfo } from '@temporalio/workflow'
import { providerTaskQueue } from '../names.js'
import type { ProviderSettings } from '../provider-task.js'

/** One request, unretried: the workflow decides what a failure means, and whether to ask again. */
export function requestOnce<A>({ requestTimeoutMs }: ProviderSettings): ActivityInterfaceFor<A> {
  return proxyActivities<A>({ ...common(requestTimeoutMs), retry: { maximumAttempts: 1 } })
}

/** A request that changes nothing: Temporal repeats it a few times, as long as it is worth while. */
export function readWithin<A>({ requestTimeoutMs }: ProviderSettings, leftMs: number): ActivityInterfaceFor<A> {
  return proxyActivities<A>({
    ...common(requestTimeoutMs),
    scheduleToCloseTimeout: leftMs,
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '30 seconds', maximumAttempts: 5 },
  })
}

/** Copying a result into the application's storage: for as long as the provider keeps it, and storage may be away. */
export function storeResult<A>(): ActivityInterfaceFor<A> {
  return proxyActivities<A>({
    ...common(11 * 60_000),
    retry: { initialInterval: '2 seconds', maximumInterval: '1 minute', maximumAttempts: 10 },
  })
}

function common(timeoutMs: number) {
  return {
    taskQueue: providerTaskQueue(workflowInfo().taskQueue),
    // The request's own time-out comes first, and says more.
    startToCloseTimeout: timeoutMs + 10_000,
    heartbeatTimeout: '30 seconds' as const,
  }
}
