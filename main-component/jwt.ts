/** Identifies a user by a signed token. */
import { createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from 'jose'
import type { AuthConfig } from '../config/authentication.js'
import { AuthenticationUnavailableError, InvalidCredentialsError } from './errors.js'

export type JwtConfig = Extract<AuthConfig, { mode: 'jwt' }>

/** Those of one kind of key only: a public key must never be taken for a shared secret. */
const ALGORITHMS = {
  secret: ['HS256', 'HS384', 'HS512'],
  jwks: ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
}
/** The allowed clock skew. */
const CLOCK_TOLERANCE_SECONDS = 5
const JWKS_TIMEOUT_MS = 5_000

/** Errors of the token itself. After any other error the token may still be valid. */
const TOKEN_ERRORS = [
  errors.JWTExpired,
  errors.JWTClaimValidationFailed,
  errors.JWTInvalid,
  errors.JWSInvalid,
  errors.JWSSignatureVerificationFailed,
  errors.JOSEAlgNotAllowed,
  errors.JOSENotSupported,
  errors.JWKSNoMatchingKey,
  errors.JWKSMultipleMatchingKeys,
]

/**
 * Makes the check of JSON Web Tokens. It returns the token's claims.
 *
 * The issuer's keys are fetched on first use, cached for ten minutes, and fetched again for an unknown key, at most
 * every 30 s.
 *
 * @throws InvalidCredentialsError if the token is invalid
 * @throws AuthenticationUnavailableError if the issuer's keys are unavailable
 */
export function createJwtCheck({
  jwksUrl,
  secret,
  issuer,
  audience,
}: JwtConfig): (token: string) => Promise<JWTPayload> {
  const options: JWTVerifyOptions = {
    algorithms: secret === undefined ? ALGORITHMS.jwks : ALGORITHMS.secret,
    requiredClaims: ['exp', 'sub'],
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
    ...(issuer !== undefined && { issuer }),
    ...(audience !== undefined && { audience }),
  }
  const verify = verifier(jwksUrl, secret, options)
  return async (token) => {
    try {
      return (await verify(token)).payload
    } catch (error) {
      if (error instanceof errors.JWTExpired)
        throw new InvalidCredentialsError('The token has expired', { cause: error })
      if (TOKEN_ERRORS.some((kind) => error instanceof kind)) {
        throw new InvalidCredentialsError('The token is not valid here', { cause: error })
      }
      throw new AuthenticationUnavailableError('The token cannot be checked now: try again later', { cause: error })
    }
  }
}

function verifier(jwksUrl: string | undefined, secret: string | undefined, options: JWTVerifyOptions) {
  if (secret !== undefined) {
    const key = new TextEncoder().encode(secret)
    return (token: string) => jwtVerify(token, key, options)
  }
  if (jwksUrl === undefined) throw new TypeError('The mode jwt needs jwksUrl or secret')
  const keys = createRemoteJWKSet(new URL(jwksUrl), { timeoutDuration: JWKS_TIMEOUT_MS })
  return (token: string) => jwtVerify(token, keys, options)
}
