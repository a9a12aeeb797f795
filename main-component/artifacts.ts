/** `/artifacts/<key>`: stored results, whether in the folder or the bucket. Their names cannot be guessed. */
import { mkdirSync, statSync } from 'node:fs'
import { join, normalize, resolve } from 'node:path'
import { serveStatic } from '@hono/node-server/serve-static'
import type { Context, MiddlewareHandler } from 'hono'
import { every } from 'hono/combine'
import type { ArtifactsConfig, S3Config } from '../artifacts/config.js'
import { isShown, typeOfArtifact } from './artifact-types.js'

const PATH = /^\/artifacts\//

/** Serves from the folder, with range requests; or redirects to the bucket with a link valid for five minutes. */
export function serveArtifacts({ dir, s3 }: ArtifactsConfig): MiddlewareHandler {
  return every(harmless, s3 ? redirectToBucket(s3) : serveFolder(resolve(dir)))
}

/** Browsers must never execute stored content. */
const harmless: MiddlewareHandler = async (c, next) => {
  c.header('x-content-type-options', 'nosniff')
  c.header(
    'content-security-policy',
    "default-src 'none'; media-src 'self'; img-src 'self'; style-src 'unsafe-inline'; sandbox",
  )
  await next()
  if (!c.res.ok) return
  c.header('content-type', typeOfArtifact(c.req.path))
  if (!isShown(c.req.path)) c.header('content-disposition', 'attachment')
}

function serveFolder(root: string): MiddlewareHandler {
  mkdirSync(root, { recursive: true })
  const serve = serveStatic({ root, rewriteRequestPath: (path) => path.replace(PATH, '/') })
  return (c, next) => {
    // Incomplete files have a hidden name.
    if (/\/\./.test(c.req.path)) return next()
    c.header('accept-ranges', 'bytes')
    if (!wantsPart(c, root)) {
      const headers = new Headers(c.req.raw.headers)
      headers.delete('range')
      c.req.raw = new Request(c.req.url, { method: c.req.method, headers })
    }
    return serve(c, next)
  }
}

/**
 * Whether a request's Range applies (RFC 9110, 14.2): one valid range, of the file that `If-Range` names. `serveStatic`
 * itself accepts any text as a range. Several ranges may be answered with the whole file, and are.
 */
function wantsPart(c: Context, root: string): boolean {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/i.exec(c.req.header('range') ?? '') ?? []
  if (first === undefined || last === undefined || first + last === '') return false
  if (first !== '' && last !== '' && Number(first) > Number(last)) return false
  const unchangedSince = c.req.header('if-range')
  if (unchangedSince === undefined) return true
  const path = join(root, normalize(c.req.path.replace(PATH, '/')))
  return statSync(path, { throwIfNoEntry: false })?.mtime.toUTCString() === unchangedSince
}

function redirectToBucket(s3: S3Config): MiddlewareHandler {
  // The AWS SDK is only loaded if there is a bucket.
  const redirecting = import('./bucket-redirect.js').then(({ createBucketRedirect }) => createBucketRedirect(s3))
  return async (c, next) => (await redirecting)(c, next)
}
