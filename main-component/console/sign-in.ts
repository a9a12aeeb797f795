/** Signing in to the console, and out: `/console/session`. */
import { type Context, Hono } from 'hono'
import { deleteCookie, setCookie } from 'hono/cookie'
import { HTTPException } from 'hono/http-exception'
import { z } from 'zod'
import { bySchema } from '../../protocol/messages.js'
import type { AppEnv } from '../app-env.js'
import type { Authentication } from '../authentication.js'
import { invalidFields, invalidInput } from '../invalid-input.js'
import { CONSOLE_COOKIE, consoleSession, refuseForged } from '../operators.js'
import { Attempts } from './attempts.js'
import type { ConsoleSessions, Session } from './sessions.js'

export interface SignInOptions {
  authentication: Pick<Authentication, 'identifyOperator'>
  sessions: ConsoleSessions
  /** Where people reach main. */
  url: string
}

const RETRY_AFTER_SECONDS = 60

const signInSchema = z.strictObject({
  /** The operators', or that of a user who may act as one. */
  token: z.string().trim().min(1).max(16_384),
  /** Who signs in, for the record of acts: the operators' token is nobody's in particular. */
  name: bySchema.optional(),
})

/**
 * Makes `GET /session` (who is signed in, and the CSRF token), `POST /session` (signs in) and `POST /sign-out`.
 */
export function createSignIn({ authentication, sessions, url }: SignInOptions): Hono<AppEnv> {
  const attempts = new Attempts()
  const app = new Hono<AppEnv>()
  app.get('/session', async (c) => {
    const session = consoleSession(c, sessions)
    if (session) return c.json(shown(session))
    // The application has signed them in: it also signs them out.
    const { user } = await authentication.identifyOperator(undefined, c.get('user'))
    return c.json(shown({ name: user?.id ?? '', csrf: '', until: null }))
  })
  app.post('/session', async (c) => {
    const given = signInSchema.safeParse(await c.req.json().catch(() => undefined))
    if (!given.success) return c.json(invalidInput(given.error), 400)
    const { token, name } = given.data
    const client = { address: c.env?.incoming?.socket.remoteAddress, forwardedFor: c.req.header('x-forwarded-for') }
    const attempt = attempts.begin(client)
    if (!attempt) throw tooMany(c)
    const { user, until } = await authentication.identifyOperator(`Bearer ${token}`, undefined)
    attempt.succeeded()
    const names = user ? { name: user.id, who: user.id } : name && { name, who: `operator ${name}` }
    if (!names) return c.json(invalidFields([{ field: 'name', message: 'must say who signs in' }]), 400)
    const { cookie, session } = sessions.open(names, until)
    // It ends with the browser at the latest; what is in it says when it ends in any case.
    setCookie(c, CONSOLE_COOKIE, cookie, { httpOnly: true, sameSite: 'Strict', secure: isSecure(c, url), path: '/' })
    return c.json(shown(session))
  })
  app.post('/sign-out', (c) => {
    const session = consoleSession(c, sessions)
    if (session) refuseForged(c, session)
    deleteCookie(c, CONSOLE_COOKIE, { path: '/', secure: isSecure(c, url) })
    return c.json({ success: true })
  })
  return app
}

function shown({ name, csrf, until }: Session): Session {
  return { name, csrf, until }
}

function isSecure(c: Context, url: string): boolean {
  return new URL(url).protocol === 'https:' || c.req.header('x-forwarded-proto') === 'https'
}

function tooMany(c: Context): HTTPException {
  c.header('retry-after', String(RETRY_AFTER_SECONDS))
  return new HTTPException(429, { message: 'Too many failed attempts: try again in a minute' })
}
