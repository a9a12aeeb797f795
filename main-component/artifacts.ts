/** `/artifacts/<key>`: stored results, wherever they are stored. Their names cannot be guessed. */
import { mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { GetObjectCommand, HeadObjectCommand } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { serveStatic } from '@hono/node-server/serve-static'
import type { MiddlewareHandler } from 'hono'
import { every } from 'hono/combine'
import type { ArtifactsConfig, S3Config } from '../integrations/shared/artifacts/config.js'
import { createS3Client } from '../integrations/shared/artifacts/s3-client.js'

const PATH = /^\/artifacts\//
/** For how long a link to the bucket can be used: to begin a download, not to keep. */
const LINK_SECONDS = 300
/** An object's name as `artifactName` makes it, and nothing else that the bucket may hold. */
const KEY = /^[\w-]+-\d+\.\w+$/

/** Serves from the folder, with ranges; or redirects to the bucket by a link of five minutes. */
export function serveArtifacts({ dir, s3 }: ArtifactsConfig): MiddlewareHandler {
  return every(harmless, s3 ? redirectToBucket(s3) : serveFolder(resolve(dir)))
}

/** Nothing that is stored is ever executed by a browser. */
const harmless: MiddlewareHandler = async (c, next) => {
  c.header('x-content-type-options', 'nosniff')
  c.header(
    'content-security-policy',
    "default-src 'none'; media-src 'self'; img-src 'self'; style-src 'unsafe-inline'; sandbox",
  )
  await next()
}

function serveFolder(root: string): MiddlewareHandler {
  mkdirSync(root, { recursive: true })
  const serve = serveStatic({ root, rewriteRequestPath: (path) => path.replace(PATH, '/') })
  // What is still being received has a hidden name.
  return (c, next) => (/\/\./.test(c.req.path) ? next() : serve(c, next))
}

/**
 * Bytes and ranges are the bucket's service to give: main would only pass them on. Whether the object is there is
 * not asked first; the service says so.
 */
function redirectToBucket(config: S3Config): MiddlewareHandler {
  const { publicEndpoint, ...others } = config
  const client = createS3Client({ ...others, ...(publicEndpoint !== undefined && { endpoint: publicEndpoint }) })
  return async (c, next) => {
    const key = c.req.path.replace(PATH, '')
    if (!KEY.test(key)) return next()
    const object = { Bucket: config.bucket, Key: config.prefix + key }
    // A link is for one method.
    const command = c.req.method === 'HEAD' ? new HeadObjectCommand(object) : new GetObjectCommand(object)
    const link = await getSignedUrl(client, command, { expiresIn: LINK_SECONDS })
    c.header('cache-control', 'no-store')
    return c.redirect(link)
  }
}
