/** Identifies the caller of a request by its credentials: a daemon, an operator, a user, or an anonymous caller. */
import { HTTPException } from 'hono/http-exception'
import type { JWTPayload } from 'jose'
import type { AuthConfig } from '../config/authentication.js'
import type { AppConfig } from '../config/schema.js'
import { bearerToken, createTokenCheck, createTokenLookup } from '../lib/bearer-token.js'
import { MAX_USER_ID_LENGTH } from '../protocol/limits.js'
import { InvalidCredentialsError } from './errors.js'
import { createJwtCheck, type JwtConfig } from './jwt.js'
import { unstorable } from './unstorable.js'

export interface User {
  id: string
}

/** A user as the application's middleware names them; `operator`: whether they may do what operators do. */
export interface ApplicationUser extends User {
  operator?: boolean
}

/** `user` is missing if no sign-in is required. */
export interface Caller {
  user?: User
  operator: boolean
}

/** Whoever calls an operators' API; `user` is missing if by a token that belongs to nobody. */
export interface Operator extends Caller {
  operator: true
  /** Unix seconds, if the credentials end by themselves. */
  until?: number
}

export interface Authentication {
  mode: AuthConfig['mode']
  /** Whether an `Authorization` header is a daemon's, and so opens the internal APIs. */
  isDaemon(authorization: string | undefined): boolean
  /** Whether some users may do what operators do. */
  usersOperate: boolean
  /**
   * Who calls an operators' API: by the operators' token, the internal one, or as a user who may.
   *
   * @throws InvalidCredentialsError; HTTPException 403 if a user may not; AuthenticationUnavailableError
   */
  identifyOperator(authorization: string | undefined, fromApplication: ApplicationUser | undefined): Promise<Operator>
  /** Whether an `Authorization` header opens the metrics: the operator's does, and one that opens nothing else. */
  mayReadMetrics(authorization: string | undefined): boolean
  /**
   * Who calls a public API.
   *
   * @param fromApplication the user that the application's middleware has recognised
   * @throws InvalidCredentialsError, AuthenticationUnavailableError
   */
  identify(authorization: string | undefined, fromApplication: ApplicationUser | undefined): Promise<Caller>
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
  const usersOperate = auth.mode === 'application' || (auth.mode === 'jwt' && auth.operatorRole !== undefined)
  return {
    mode: auth.mode,
    isDaemon,
    usersOperate,
    async identifyOperator(authorization, fromApplication) {
      if (mayOperate(authorization)) return { operator: true }
      if (!usersOperate) throw new InvalidCredentialsError('The operator’s token is missing or wrong')
      const user = await identifyUser(authorization, fromApplication)
      if (!user?.operator) throw new HTTPException(403, { message: 'This is for operators' })
      const { id, until } = user
      return { operator: true, user: { id }, ...(until !== undefined && { until }) }
    },
    mayReadMetrics: (authorization) =>
      metrics?.allowAnonymous === true || mayOperate(authorization) || readsMetrics(authorization),
    async identify(authorization, fromApplication) {
      if (mayOperate(authorization)) return { operator: true }
      const user = await identifyUser(authorization, fromApplication)
      return { operator: false, ...(user && { user: { id: user.id } }) }
    },
  }
}

interface IdentifiedUser extends ApplicationUser {
  until?: number | undefined
}

type UserCheck = (
  authorization: string | undefined,
  fromApplication: ApplicationUser | undefined,
) => Promise<IdentifiedUser | undefined>

function createUserCheck(auth: AuthConfig): UserCheck {
  switch (auth.mode) {
    case 'anonymous':
      return async () => undefined
    case 'application':
      return async (_, user) => {
        if (!user) throw new InvalidCredentialsError('Sign in first')
        return { id: userId(user.id), operator: user.operator === true }
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
      return async (authorization) => {
        const claims = await check(bearer(authorization))
        return { id: userId(claims.sub), operator: hasRole(claims, auth), until: claims.exp }
      }
    }
  }
}

/** Whether a token names the operators' role: in an array, or in a text as `scope` is. */
function hasRole(claims: JWTPayload, { operatorRole, rolesClaim = 'roles' }: JwtConfig): boolean {
  if (operatorRole === undefined) return false
  const within = (value: unknown, name: string) =>
    typeof value === 'object' && value !== null && Object.hasOwn(value, name)
      ? (value as Record<string, unknown>)[name]
      : undefined
  // The name may be a URL; or a path, as `realm_access.roles` is.
  const roles = within(claims, rolesClaim) ?? rolesClaim.split('.').reduce<unknown>(within, claims)
  return (typeof roles === 'string' ? roles.split(' ') : Array.isArray(roles) ? roles : []).includes(operatorRole)
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
