import { ApplicationFailure } from '@temporalio/activity'
import type { FailureDetails } from '../protocol/failure-details.js'

/** Retry pause until somebody has corrected the store. */
const REFUSED_PAUSE_SECONDS = 60

/**
 * A store that cannot take an object. `artifact_store_refused`: its configuration or its permissions are wrong; it is
 * retried slowly, because the object was paid for. `artifact_store_unavailable`: the next try may succeed.
 *
 * No cause is kept: Temporal would store it, and a library's errors may contain keys.
 */
export function storeFailure(
  type: 'artifact_store_refused' | 'artifact_store_unavailable',
  message: string,
  kind?: FailureDetails['kind'],
): ApplicationFailure {
  const retryAfterSeconds = type === 'artifact_store_refused' ? REFUSED_PAUSE_SECONDS : undefined
  const details: FailureDetails = { kind, retryAfterSeconds }
  const nextRetryDelay = retryAfterSeconds && retryAfterSeconds * 1000
  return ApplicationFailure.create({ type, message, details: [details], nextRetryDelay })
}

/** Marks a failed preparation as one after which nothing was created: a retry costs nothing. */
export async function beforeSpending(preparation: Promise<void>): Promise<void> {
  try {
    await preparation
  } catch (error) {
    if (!(error instanceof ApplicationFailure)) throw error
    const refused = error.type === 'artifact_store_refused'
    throw storeFailure(refused ? error.type : 'artifact_store_unavailable', error.message, 'unavailable')
  }
}

const REFUSED_BY_THE_SYSTEM = ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 'ENAMETOOLONG']

/** Runs a file operation, and converts its errors into failures of the store. */
export async function onDisk<T>(operation: Promise<T>): Promise<T> {
  try {
    return await operation
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    const refused = REFUSED_BY_THE_SYSTEM.includes(code)
    throw storeFailure(refused ? 'artifact_store_refused' : 'artifact_store_unavailable', message)
  }
}
