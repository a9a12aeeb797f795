import { GetObjectCommand, HeadObjectCommand } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import type { MiddlewareHandler } from 'hono'
import type { S3Config } from '../artifacts/config.js'
import { createS3Client } from '../artifacts/s3-client.js'
import { isShown } from './artifact-types.js'

/** How long a link to the bucket is valid: to begin a download, not to keep. */
const LINK_SECONDS = 300
/** An object's name as `artifactName` makes it, and nothing else in the bucket. */
const KEY = /^[\w-]+-\d+\.\w+$/

/**
 * The bucket's service serves the bytes and ranges; main would only proxy them. Main does not check first whether the
 * object exists; the service tells.
 */
export function createBucketRedirect(config: S3Config): MiddlewareHandler {
  const { publicEndpoint, ...others } = config
  const client = createS3Client({ ...others, ...(publicEndpoint !== undefined && { endpoint: publicEndpoint }) })
  return async (c, next) => {
    const key = c.req.path.replace(/^\/artifacts\//, '')
    if (!KEY.test(key)) return next()
    const saved = isShown(key) ? {} : { ResponseContentDisposition: 'attachment' }
    const object = { Bucket: config.bucket, Key: config.prefix + key, ...saved }
    // A signed link is valid for one method.
    const command = c.req.method === 'HEAD' ? new HeadObjectCommand(object) : new GetObjectCommand(object)
    const link = await getSignedUrl(client, command, { expiresIn: LINK_SECONDS })
    c.header('cache-control', 'no-store')
    return c.redirect(link)
  }
}
