/** The operators' console at `/console`: its page, the sign-in, and the cookie's way to the operators' APIs. */
import { type Context, Hono, type MiddlewareHandler } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import { z } from 'zod'
import { bySchema } from '../../protocol/messages.js'
import type { AppEnv } from '../app-env.js'
import { refuseForeignPages } from '../foreign-pages.js'
import { invalidInput } from '../invalid-input.js'
import { readPage } from './page-files.js'
import { ConsoleSessions, isSame } from './sessions.js'

export interface ConsoleOptions {
  /** Whether a token opens the operators' APIs. */
  isOperator(token: string): boolean
  /** What the sessions are signed with. */
  token: string
  /** Where results may come from, beside main itself. */
  resultOrigins: string[]
  /** Whether people reach main by HTTPS. */
  secure: boolean
}

const COOKIE = 'console'
export const CSRF_HEADER = 'x-console-csrf'

const signInSchema = z.strictObject({ token: z.string().max(1000), name: bySchema })

export interface Console {
  app: Hono<AppEnv>
  /** Sets `operator` for requests of the console, which come with its cookie. */
  recognise: MiddlewareHandler<AppEnv>
}

export async function createConsole({ isOperator, token, resultOrigins, secure }: ConsoleOptions): Promise<Console> {
  const sessions = new ConsoleSessions(token)
  const { html, scriptHash, files } = await readPage()
  const from = ["'self'", ...resultOrigins].join(' ')
  const policy = [
    "default-src 'none'; connect-src 'self'; style-src 'self'; base-uri 'none'; form-action 'none'",
    "frame-ancestors 'none'",
    `script-src 'self' 'sha256-${scriptHash}'`,
    `img-src ${from} data:; media-src ${from}`,
  ].join('; ')
  const sessionOf = (c: Context) => sessions.read(getCookie(c, COOKIE))

  const app = new Hono<AppEnv>()
  app.use(refuseForeignPages, async (c, next) => {
    c.header('content-security-policy', policy)
    c.header('x-content-type-options', 'nosniff')
    c.header('referrer-policy', 'no-referrer')
    c.header('cache-control', 'no-store')
    await next()
  })
  app.get('/', (c) => c.html(html))
  app.get('/session', (c) => {
    const session = sessionOf(c)
    return session ? c.json(session) : c.json({ success: false, error: 'Sign in first' }, 401)
  })
  app.post('/session', async (c) => {
    const given = signInSchema.safeParse(await c.req.json().catch(() => undefined))
    if (!given.success) return c.json(invalidInput(given.error), 400)
    if (!isOperator(given.data.token)) return c.json({ success: false, error: 'The token is not an operator’s' }, 401)
    const cookie = sessions.open(given.data.name)
    setCookie(c, COOKIE, cookie, { httpOnly: true, sameSite: 'Strict', secure, path: '/' })
    return c.json(sessions.read(cookie) ?? null)
  })
  app.post('/sign-out', (c) => {
    deleteCookie(c, COOKIE, { path: '/' })
    return c.json({ success: true })
  })
  app.get('/:file', (c) => {
    const file = files.get(c.req.param('file'))
    return file ? c.body(file.text, 200, { 'content-type': file.type }) : c.notFound()
  })
  return {
    app,
    async recognise(c, next) {
      // A token in the header is looked at by itself.
      const session = c.req.header('authorization') === undefined ? sessionOf(c) : undefined
      const reads = c.req.method === 'GET' || c.req.method === 'HEAD'
      if (session && (reads || isSame(c.req.header(CSRF_HEADER) ?? '', session.csrf))) c.set('operator', session.name)
      await next()
    },
  }
}
