/** `/artifacts/<key>`: stored results, wherever they are stored. Their names cannot be guessed. */
import { mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { serveStatic } from '@hono/node-server/serve-static'
import type { MiddlewareHandler } from 'hono'
import { every } from 'hono/combine'
import type { ArtifactsConfig, S3Config } from '../integrations/shared/artifacts/config.js'

const PATH = /^\/artifacts\//

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

function redirectToBucket(s3: S3Config): MiddlewareHandler {
  // Its SDK is loaded only where there is a bucket.
  const redirecting = import('./bucket-redirect.js').then(({ createBucketRedirect }) => createBucketRedirect(s3))
  return async (c, next) => (await redirecting)(c, next)
}
