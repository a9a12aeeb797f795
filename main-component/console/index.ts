/** The operators' console at `/console`: its page and files, and the sign-in. The page asks the operators' APIs. */
import type { Hono, MiddlewareHandler } from 'hono'
import { etag } from 'hono/etag'
import type { ArtifactsConfig } from '../../artifacts/config.js'
import type { AppEnv } from '../app-env.js'
import { refuseForeignPages } from '../foreign-pages.js'
import { type Page, readPage } from './page-files.js'
import { resultOrigins } from './result-origins.js'
import { createSignIn, type SignInOptions } from './sign-in.js'

export interface ConsoleOptions extends SignInOptions {
  /** The application's, one of which may know who is signed in. */
  middlewares: MiddlewareHandler[]
  artifacts: ArtifactsConfig
}

/** Its URLs are relative, so that it works below any path. */
export function serveConsole(app: Hono<AppEnv>, options: ConsoleOptions): void {
  const shows = ["'self'", ...resultOrigins(options.url, options.artifacts)].join(' ')
  const policy = (scriptHash: string) =>
    [
      `default-src 'none'; script-src 'self' 'sha256-${scriptHash}'; style-src 'self'; connect-src 'self'`,
      `img-src ${shows} data:; media-src ${shows}`,
      "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ].join('; ')
  let reading: Promise<Page> | undefined
  const page = () => {
    reading ??= readPage()
    return reading
  }

  app.use('/console/*', refuseForeignPages, harmless)
  for (const middleware of options.middlewares) app.use('/console/session', middleware)
  app.route('/console', createSignIn(options))
  app.get('/console', (c) => c.redirect(`console/${new URL(c.req.url).search}`))
  app.get('/console/', async (c) => {
    const { html, scriptHash } = await page()
    c.header('content-security-policy', policy(scriptHash))
    return c.html(html)
  })
  app.get('/console/:file', etag(), async (c) => {
    const file = (await page()).files.get(c.req.param('file'))
    if (!file) return c.notFound()
    c.header('cache-control', 'no-cache')
    return c.body(file.text, 200, { 'content-type': file.type })
  })
}

const harmless: MiddlewareHandler = async (c, next) => {
  c.header('x-content-type-options', 'nosniff')
  c.header('referrer-policy', 'no-referrer')
  c.header('cache-control', 'no-store')
  await next()
}
