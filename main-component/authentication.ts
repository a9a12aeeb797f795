/** Identifies the caller of a request by its credentials: a daemon, an operator, a user, or an anonymous caller. */
import type { AuthConfig } from '../config/authentication.js'
import type { AppConfig } from '../config/schema.js'
import { bearerToken, createTokenCheck, createTokenLookup } from '../lib/bearer-token.js'
import { MAX_USER_ID_LENGTH } from '../protocol/limits.js'
import { InvalidCredentialsError } from './errors.js'
import { createJwtCheck } from './jwt.js'
import { unstorable } from './unstorable.js'

export interface User {
  id: string
}

/** `user` is missing if no sign-in is required. */
export interface Caller {
  user?: User
  operator: boolean
}

export interface Authentication {
  mode: AuthConfig['mode']
  /** Whether an `Authorization` header opens an internal API; `operator`: one that is for operators too. */
  isInternal(authorization: string | undefined, api: { operator: boolean }): boolean
  /** Whether an `Authorization` header opens the metrics: the operator's does, and one that opens nothing else. */
  mayReadMetrics(authorization: string | undefined): boolean
  /**
   * Who calls a public API.
   *
   * @param fromApplication the user that the application's middleware has recognised
   * @throws InvalidCredentialsError, AuthenticationUnavailableError
   */
  identify(authorization: string | undefined, fromApplication: User | undefined): Promise<Caller>
}

export interface AuthenticationOptions {
  auth: AuthConfig
  internalTokens: readonly string[]
  operatorToken: string | undefined
  /** Default: only the operator reads metrics. */
  metrics?: AppConfig['components']['main']['metrics']
}

export function createAuthentication(options: AuthenticationOptions): Authentication {
  const { auth, internalTokens, operatorToken, metrics } = options
  const isDaemon = createTokenCheck(internalTokens)
  const isOperator = createTokenCheck(operatorToken === undefined ? [] : [operatorToken])
  const mayOperate = (authorization: string | undefined) => isDaemon(authorization) || isOperator(authorization)
  const readsMetrics = createTokenCheck(metrics?.token === undefined ? [] : [metrics.token])
  const identifyUser = createUserCheck(auth)
  return {
    mode: auth.mode,
    isInternal: (authorization, { operator }) => (operator ? mayOperate : isDaemon)(authorization),
    mayReadMetrics: (authorization) =>
      metrics?.allowAnonymous === true || mayOperate(authorization) || readsMetrics(authorization),
    async identify(authorization, fromApplication) {
      if (mayOperate(authorization)) return { operator: true }
      const user = await identifyUser(authorization, fromApplication)
      return { operator: false, ...(user && { user }) }
    },
  }
}

type UserCheck = (authorization: string | undefined, fromApplication: User | undefined) => Promise<User | undefined>

function createUserCheck(auth: AuthConfig): UserCheck {
  switch (auth.mode) {
    case 'anonymous':
      return async () => undefined
    case 'application':
      return async (_, user) => {
        if (!user) throw new InvalidCredentialsError('Sign in first')
        return { id: userId(user.id) }
      }
    case 'tokens': {
      const find = createTokenLookup(auth.tokens.map(({ user, token }) => [token, user] as const))
      return async (authorization) => {
        const user = find(bearer(authorization))
        if (user === undefined) throw new InvalidCredentialsError('The API token is not known')
        return { id: user }
      }
    }
    case 'jwt': {
      const check = createJwtCheck(auth)
      return async (authorization) => ({ id: userId(await check(bearer(authorization))) })
    }
  }
}

/** A user's id from elsewhere: it has to fit into a row. */
function userId(id: unknown): string {
  if (typeof id === 'string' && id !== '' && id.length <= MAX_USER_ID_LENGTH && !unstorable(id)) return id
  throw new InvalidCredentialsError(`The user's id must be text of 1 to ${MAX_USER_ID_LENGTH} characters`)
}

function bearer(authorization: string | undefined): string {
  const token = bearerToken(authorization)
  if (token === '') throw new InvalidCredentialsError('Sign in first: send your token as Authorization: Bearer <token>')
  return token
}
