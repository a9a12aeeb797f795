import { S3Client } from '@aws-sdk/client-s3'
import type { S3Config } from './config.js'

const CONNECT_TIMEOUT_MS = 5_000
/** The longest silence of a connection. */
const IDLE_TIMEOUT_MS = 30_000

const ignore = () => {}
/** The SDK would print to the console, or log its requests. Errors are thrown instead. */
const silent = { trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore }

/** A client for the bucket's service. Its requests give up on a silent connection; an overall limit is the caller's. */
export function createS3Client({ region, endpoint, forcePathStyle, credentials }: S3Config): S3Client {
  return new S3Client({
    region,
    forcePathStyle,
    ...(endpoint !== undefined && { endpoint }),
    ...(credentials && { credentials }),
    // Sends only required checksums; services other than AWS do not all know the optional ones.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: { connectionTimeout: CONNECT_TIMEOUT_MS, socketTimeout: IDLE_TIMEOUT_MS },
    logger: silent,
  })
}
