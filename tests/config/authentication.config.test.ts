/** Which configurations say who may call the public APIs, and which are refused. */
import { describe, expect, it, test } from 'vitest'
import { ConfigError, loadConfig } from '@/config.js'
import { withoutOthers } from '../support/own-integrations.js'

const TOKENS = 'anna:annas-own-token-0001,ben:bens:token/with=signs'
const SECRET = 'a secret that has at least 32 bytes'
const JWKS = 'https://issuer.example/keys'
const TOKEN = 'a-token-of-some-length'
const others = {
  INTERNAL_API_TOKEN: TOKEN,
  MAIN_URL: 'https://main.example',
  MAIN_PUBLIC_URL: 'https://app.example',
  DATABASE_URL: 'postgres://x',
}

const mainOf = (env: Record<string, string>, mode = 'local') =>
  loadConfig({ mode, component: 'main', env }).components.main
const authOf = (env: Record<string, string>) => mainOf(env).auth

function problemsOf(env: Record<string, string>, mode = 'local'): string[] {
  try {
    mainOf(env, mode)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map(({ path, message, remedy }) => `${path}: ${message}. ${remedy}`)
  }
  throw new Error('the configuration was accepted')
}

describe('the mode', () => {
  it('is anonymous on this machine, where nothing is said', () => {
    expect(authOf({})).toEqual({ mode: 'anonymous' })
  })

  it('is told by what is given', () => {
    const tokens = [
      { user: 'anna', token: 'annas-own-token-0001' },
      { user: 'ben', token: 'bens:token/with=signs' },
    ]
    expect(authOf({ API_TOKENS: TOKENS })).toEqual({ mode: 'tokens', tokens })
    expect(authOf({ AUTH_MODE: 'tokens', API_TOKENS: TOKENS })).toEqual({ mode: 'tokens', tokens })
    expect(authOf({ AUTH_JWT_SECRET: SECRET })).toEqual({ mode: 'jwt', secret: SECRET })
    const all = { AUTH_MODE: 'jwt', AUTH_JWKS_URL: JWKS, AUTH_ISSUER: 'https://issuer.example', AUTH_AUDIENCE: 'main' }
    expect(authOf(all)).toEqual({ mode: 'jwt', jwksUrl: JWKS, issuer: 'https://issuer.example', audience: 'main' })
    expect(authOf({ AUTH_MODE: 'application' })).toEqual({ mode: 'application' })
  })
})

test.each<[string, Record<string, string>, RegExp]>([
  ['an unknown mode', { AUTH_MODE: 'open' }, /auth\.mode: must be one of jwt, tokens.* Correct AUTH_MODE in/],
  ['tokens without tokens', { AUTH_MODE: 'tokens' }, /auth\.tokens: is missing. Set API_TOKENS in the environment/],
  ['jwt without a key', { AUTH_MODE: 'jwt' }, /auth\.jwksUrl: is to be given, or secret .*Set AUTH_JWKS_URL/],
  ['jwt with two kinds of key', { AUTH_JWKS_URL: JWKS, AUTH_JWT_SECRET: SECRET }, /auth\.jwksUrl: .*takes no two/],
  [
    'a short secret',
    { AUTH_JWT_SECRET: 'too-short' },
    /auth\.secret: must have at least 32 bytes. Correct AUTH_JWT_SECRET/,
  ],
  ['keys at no URL', { AUTH_JWKS_URL: 'issuer' }, /auth\.jwksUrl: .*Correct AUTH_JWKS_URL/],
  ['a short token', { API_TOKENS: 'anna:short' }, /auth\.tokens: entry 1: the token must have at least 16/],
  ['a token of nobody', { API_TOKENS: `anna:${TOKEN},:${TOKEN}1` }, /entry 2 must be <user>:<token>/],
  ['a token without a user', { API_TOKENS: 'annas-own-token-0001' }, /entry 1: the token must have/],
  ['a token with a space', { API_TOKENS: 'anna:annas own token 0001' }, /entry 1: the token must have/],
  ['two users with one token', { API_TOKENS: `anna:${TOKEN},ben:${TOKEN}` }, /has the same token twice/],
  [
    'what another mode takes',
    { AUTH_MODE: 'tokens', API_TOKENS: TOKENS, AUTH_JWT_SECRET: SECRET },
    /auth\.secret: .*Take AUTH_JWT_SECRET out of the environment/,
  ],
  [
    'tokens that are not asked for',
    { AUTH_MODE: 'anonymous', API_TOKENS: TOKENS },
    /auth\.tokens: .*Take API_TOKENS out/,
  ],
  [
    'a short operator token',
    { OPERATOR_TOKEN: 'short' },
    /operatorToken: must have at least 16.*Correct OPERATOR_TOKEN/,
  ],
  [
    'one token for operators and daemons',
    { OPERATOR_TOKEN: TOKEN, INTERNAL_API_TOKEN: TOKEN },
    /operatorToken: must differ/,
  ],
  [
    'one token for a user and daemons',
    { API_TOKENS: `anna:${TOKEN}`, INTERNAL_API_TOKEN: TOKEN },
    /auth\.tokens: must have no token/,
  ],
])('%s is refused, with the field and the remedy, and never with the value', (_what, env, said) => {
  const problems = problemsOf(env)
  expect(problems).toHaveLength(1)
  expect(problems[0]).toMatch(said)
  for (const value of Object.values(env).filter((value) => value.length > 12)) expect(problems[0]).not.toContain(value)
})

describe.each(['dev', 'prod'])('%s', (mode) => {
  it('refuses to serve everybody unless it is told to', () => {
    const expected = expect.stringMatching(/^components\.main\.auth\.mode: lets everybody .* or ALLOW_ANONYMOUS=true/)
    expect(problemsOf(others, mode)).toEqual([expected])
    expect(problemsOf({ ...others, AUTH_MODE: 'anonymous', ALLOW_ANONYMOUS: 'false' }, mode)).toEqual([expected])
    expect(mainOf({ ...others, ALLOW_ANONYMOUS: 'true' }, mode).auth).toEqual({ mode: 'anonymous' })
    expect(mainOf({ ...others, API_TOKENS: TOKENS }, mode).auth.mode).toBe('tokens')
  })

  it('asks the daemon for nothing of it', () => {
    const env = { ...others, AUTH_MODE: 'jwt', ARK_API_KEY: 'k', ARK_MODEL: 'm', IMAGE_API_KEY: 'k', IMAGE_MODEL: 'm' }
    const all = { ...env, ...withoutOthers, IMAGE_BASE_URL: 'https://images.example' }
    expect(loadConfig({ mode, component: 'asyncTask', env: all }).mode).toBe(mode)
  })
})
