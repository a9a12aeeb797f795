/** How a workflow sends requests to its provider: by activities on the queue that keeps to the provider's limits. */
import { type ActivityInterfaceFor, proxyActivities, workflowInfo } from '@temporalio/workflow'
import { BEYOND_REQUEST_MS } from '../../protocol/limits.js'
import { providerTaskQueue } from '../../protocol/names.js'
import { LISTING_TIMEOUT_MS, type ProviderSettings } from './polled-task.js'

/** One request, unretried: the workflow decides what a failure means, and whether to ask again. */
export function requestOnce<A>({ requestTimeoutMs }: ProviderSettings): ActivityInterfaceFor<A> {
  return proxyActivities<A>({ ...common(requestTimeoutMs), retry: { maximumAttempts: 1 } })
}

/** A request that changes nothing: Temporal repeats it a few times, as long as it is worth while. */
export function readWithin<A>(
  { requestTimeoutMs }: Pick<ProviderSettings, 'requestTimeoutMs'>,
  leftMs: number,
): ActivityInterfaceFor<A> {
  return proxyActivities<A>({
    ...common(requestTimeoutMs),
    scheduleToCloseTimeout: leftMs,
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '30 seconds', maximumAttempts: 5 },
  })
}

/** Reading lists to their end: as `readWithin`, but in as many requests as that takes. */
export function readAllWithin<A>(leftMs: number): ActivityInterfaceFor<A> {
  return readWithin<A>({ requestTimeoutMs: LISTING_TIMEOUT_MS }, leftMs)
}

/**
 * Copying a result, which is paid for, into the application's storage: again and again for the day for which
 * providers keep it, however long storage is away. What will not get better is not retried.
 */
export function storeResult<A>(): ActivityInterfaceFor<A> {
  return proxyActivities<A>({
    ...common(11 * 60_000),
    scheduleToCloseTimeout: '25 hours',
    retry: { initialInterval: '2 seconds', maximumInterval: '1 minute' },
  })
}

function common(timeoutMs: number) {
  return {
    taskQueue: providerTaskQueue(workflowInfo().taskQueue),
    startToCloseTimeout: timeoutMs + BEYOND_REQUEST_MS,
    heartbeatTimeout: '30 seconds' as const,
  }
}
