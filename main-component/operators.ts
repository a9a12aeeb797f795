/** Who acts as an operator: by a token, by the console's session, or as a user of the application. */
import type { Context } from 'hono'
import { getCookie } from 'hono/cookie'
import { HTTPException } from 'hono/http-exception'
import { isSame } from '../lib/bearer-token.js'
import type { AppEnv } from './app-env.js'
import type { Authentication, Operator } from './authentication.js'
import type { ConsoleSession, ConsoleSessions, Session } from './console/sessions.js'

export const CONSOLE_COOKIE = 'async-task-console'
/** Where a page of the console sends its session's CSRF token with each request that changes something. */
export const CSRF_HEADER = 'x-console-csrf'

export interface OperatorsOptions {
  authentication: Pick<Authentication, 'identifyOperator'>
  sessions: Pick<ConsoleSessions, 'read'>
}

/** @throws InvalidCredentialsError, AuthenticationUnavailableError, HTTPException 403 if who calls is no operator */
export async function identifyOperator(c: Context<AppEnv>, options: OperatorsOptions): Promise<Operator> {
  const { authentication, sessions } = options
  const authorization = c.req.header('authorization')
  // Whoever sends a token means it.
  const session = authorization === undefined ? consoleSession(c, sessions) : undefined
  if (!session) return authentication.identifyOperator(authorization, c.get('user'))
  refuseForged(c, session)
  const { who: id, until } = session
  return { operator: true, user: { id }, until }
}

export function consoleSession(c: Context, sessions: OperatorsOptions['sessions']): ConsoleSession | undefined {
  return sessions.read(getCookie(c, CONSOLE_COOKIE))
}

/** @throws HTTPException 403 if a request that may change something does not come from the console's page */
export function refuseForged(c: Context, { csrf }: Session): void {
  if (['GET', 'HEAD'].includes(c.req.method) || isSame(c.req.header(CSRF_HEADER) ?? '', csrf)) return
  throw new HTTPException(403, { message: `Send the session’s CSRF token as ${CSRF_HEADER}` })
}
