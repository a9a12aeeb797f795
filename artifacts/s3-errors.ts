import { S3ServiceException } from '@aws-sdk/client-s3'
import type { ApplicationFailure } from '@temporalio/activity'
import type { S3Config } from './config.js'
import { storeFailure } from './store-errors.js'

/** Client errors by status, for which a retry may still help. */
const PASSING = ['RequestTimeout', 'RequestTimeTooSkewed', 'IncompleteBody', 'BadDigest', 'OperationAborted']

/**
 * The failure of a request to the bucket's service, in its own words, without keys.
 *
 * @param action the request, named by its permission
 */
export function s3Failure(error: unknown, action: string, { bucket, credentials }: S3Config): ApplicationFailure {
  const { name, message } = error instanceof Error ? error : { name: 'Error', message: String(error) }
  let said = `s3:${action} in the bucket ${bucket}: ${name}: ${message}`
  for (const key of Object.values(credentials ?? {})) said = said.replaceAll(key, '[key]')
  return storeFailure(isRefusal(error) ? 'artifact_store_refused' : 'artifact_store_unavailable', said)
}

function isRefusal(error: unknown): boolean {
  // No credentials were configured or found.
  if (error instanceof Error && error.name === 'CredentialsProviderError') return true
  if (!(error instanceof S3ServiceException) || PASSING.includes(error.name)) return false
  const status = error.$metadata.httpStatusCode ?? 0
  return status >= 300 && status < 500 && status !== 408 && status !== 409 && status !== 429
}
