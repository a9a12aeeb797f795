/** How a workflow sends requests to its provider: by activities on the queue that has the provider's rate limit. */
import { type ActivityInterfaceFor, proxyActivities, workflowInfo } from '@temporalio/workflow'
import { BEYOND_REQUEST_MS } from '../../protocol/limits.js'
import { providerTaskQueue } from '../../protocol/names.js'
import { LISTING_TIMEOUT_MS, type ProviderSettings } from './polled-task.js'

/** One request, not retried: the workflow decides what a failure means, and whether to try again. */
export function requestOnce<A>({ requestTimeoutMs }: ProviderSettings): ActivityInterfaceFor<A> {
  return proxyActivities<A>({ ...common(requestTimeoutMs), retry: { maximumAttempts: 1 } })
}

/** A request that changes nothing: Temporal retries it a few times, while there is time left. */
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

/** Reads lists to their end: like `readWithin`, but in as many requests as it takes. */
export function readAllWithin<A>(leftMs: number): ActivityInterfaceFor<A> {
  return readWithin<A>({ requestTimeoutMs: LISTING_TIMEOUT_MS }, leftMs)
}

/**
 * Copies a result, which is paid for, into the application's storage. It is retried for the day for which providers
 * keep results, however long storage is unavailable. Non-retryable failures are not retried.
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
