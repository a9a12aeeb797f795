/** Who may call the public APIs: `components.main.auth`. */
import { z } from 'zod'
import { MAX_USER_ID_LENGTH } from '../protocol/limits.js'

const MIN_TOKEN_LENGTH = 16
/** HS256 requires a key as long as its hash. */
const MIN_SECRET_BYTES = 32

/** A token for `Authorization: Bearer …`. */
export const bearerToken = z
  .string()
  .min(MIN_TOKEN_LENGTH, `must have at least ${MIN_TOKEN_LENGTH} characters`)
  .regex(/^\S*$/, 'must have no spaces in it')

/** `anna:token1,ben:token2`. A user may have several tokens, for instance while one is replaced. */
const userTokens = z.string().transform((text, context) => {
  const tokens = text.split(',').map((entry) => {
    const [user = '', ...rest] = entry.trim().split(':')
    return { user, token: rest.join(':') }
  })
  const complain = (message: string) => void context.addIssue({ code: 'custom', message })
  for (const [index, { user, token }] of tokens.entries()) {
    const which = `entry ${index + 1}`
    if (user === '' || user.length > MAX_USER_ID_LENGTH)
      complain(`${which} must be <user>:<token>, as in anna:token1,ben:token2`)
    else if (!bearerToken.safeParse(token).success) {
      complain(`${which}: the token must have at least ${MIN_TOKEN_LENGTH} characters, and no spaces`)
    }
  }
  if (new Set(tokens.map(({ token }) => token)).size < tokens.length) complain('has the same token twice')
  return tokens
})

const jwtSchema = z
  .strictObject({
    mode: z.literal('jwt'),
    /** Where the issuer publishes its keys: tokens are signed by one of them (RS, PS, ES, EdDSA). */
    jwksUrl: z.url({ protocol: /^https?$/ }).optional(),
    /** Shared with the issuer: tokens are signed with it (HS). */
    secret: z
      .string()
      .refine((secret) => Buffer.byteLength(secret) >= MIN_SECRET_BYTES, `must have at least ${MIN_SECRET_BYTES} bytes`)
      .optional(),
    /** The required `iss` of a token. */
    issuer: z.string().min(1).optional(),
    /** What a token's `aud` must contain. */
    audience: z.string().min(1).optional(),
    /** Whose token names this role may do what operators do. Default: nobody. */
    operatorRole: z.string().min(1).optional(),
    /** The claim with a user's roles, or the path to it. Default: `roles`. */
    rolesClaim: z.string().min(1).optional(),
  })
  .superRefine(({ jwksUrl, secret }, context) => {
    if ((jwksUrl === undefined) !== (secret === undefined)) return
    const message = `is to be given, or secret (AUTH_JWKS_URL or AUTH_JWT_SECRET): mode jwt needs one of them, and takes no two`
    context.addIssue({ code: 'custom', path: ['jwksUrl'], message })
  })

const modes = z.discriminatedUnion(
  'mode',
  [
    jwtSchema,
    z.strictObject({ mode: z.literal('tokens'), tokens: userTokens }),
    z.strictObject({ mode: z.literal('application') }),
    z.strictObject({ mode: z.literal('anonymous') }),
  ],
  { error: 'must be one of jwt, tokens, application, anonymous' },
)

/** Without a mode, the other settings decide: whoever configures tokens wants them to be required. */
export const authSchema = z.preprocess((given) => {
  if (typeof given !== 'object' || given === null || 'mode' in given) return given
  const mode = 'jwksUrl' in given || 'secret' in given ? 'jwt' : 'tokens' in given ? 'tokens' : 'anonymous'
  return { mode, ...given }
}, modes)

export type AuthConfig = z.output<typeof authSchema>

interface Tokens {
  auth: AuthConfig
  internalApiToken?: string | undefined
  previousInternalApiToken?: string | undefined
  operatorToken?: string | undefined
  metrics: { token?: string | undefined }
}

/** A token must have one meaning only. */
export function rejectSharedTokens(main: Tokens, context: z.RefinementCtx): void {
  const { auth, internalApiToken, previousInternalApiToken, operatorToken, metrics } = main
  const complain = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message })
  const daemons = new Set([internalApiToken, previousInternalApiToken].filter((token) => token !== undefined))
  if (operatorToken !== undefined && daemons.has(operatorToken)) {
    complain(['operatorToken'], 'must differ from internalApiToken')
  }
  if (metrics.token !== undefined && (daemons.has(metrics.token) || metrics.token === operatorToken)) {
    complain(['metrics', 'token'], 'must differ from internalApiToken and operatorToken: it opens the metrics only')
  }
  const users = auth.mode === 'tokens' ? auth.tokens : []
  if (users.some(({ token }) => daemons.has(token) || token === operatorToken || token === metrics.token)) {
    complain(
      ['auth', 'tokens'],
      'must have no token in it that is the operator’s, the internal one or the one for metrics',
    )
  }
}
