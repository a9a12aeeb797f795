/**
 * The console's sign-in over real HTTP: who gets in, what the session opens, what it takes to change something. One
 * file, as they share the mains of each mode.
 */
import type { MiddlewareHandler } from 'hono'
import { SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { middlewares } from '@/backend/index.js'
import type { AppConfig } from '@/config.js'
import { createAuthentication } from '@/main-component/authentication.js'
import { Attempts } from '@/main-component/console/attempts.js'
import { ConsoleSessions } from '@/main-component/console/sessions.js'
import { startTestMain, TEST_TOKEN, type TestMain, type TestMainOptions } from '../../support/main.js'
import { plantTask, TEST_API, taskKeyOf } from '../../support/tasks.js'

const TOKEN = 'operator-token-0123456789'
const SECRET = 'a secret that issuer and main share, 32 bytes'
type Auth = AppConfig['components']['main']['auth']
const inAnHour = () => Math.floor(Date.now() / 1000) + 3600

function jwt(claims: object): Promise<string> {
  const token = new SignJWT({ sub: 'ada', exp: inAnHour(), ...claims }).setProtectedHeader({ alg: 'HS256' })
  return token.sign(new TextEncoder().encode(SECRET))
}

/** Of the application: who sends its header is signed in. */
const signedIn: MiddlewareHandler = async (c, next) => {
  const id = c.req.header('x-session')
  if (id !== undefined) c.set('user', { id, operator: id === 'ada' })
  await next()
}
beforeAll(() => void middlewares.push(signedIn))
afterAll(() => void middlewares.splice(middlewares.indexOf(signedIn), 1))

function withMain(options: TestMainOptions = {}): () => TestMain {
  let main: TestMain
  beforeAll(async () => {
    main = await startTestMain({ operatorToken: TOKEN, ...options })
  })
  afterAll(() => main?.stop())
  return () => main
}

interface SignedIn {
  status: number
  body: { name?: string; csrf?: string; until?: number; error?: string }
  setCookie: string
  cookie: { cookie: string }
  retryAfter: string | null
}

async function signIn(main: TestMain, given: object, headers: Record<string, string> = {}): Promise<SignedIn> {
  const response = await fetch(`${main.url}/console/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(given),
  })
  const setCookie = response.headers.get('set-cookie') ?? ''
  const [cookie = ''] = setCookie.split(';')
  const body = (await response.json()) as SignedIn['body']
  const retryAfter = response.headers.get('retry-after')
  return { status: response.status, body, setCookie, cookie: { cookie }, retryAfter }
}

describe('with the operators’ token', () => {
  const main = withMain()
  const ada = { token: TOKEN, name: 'ada' }

  it('sets a cookie that no script reads and no other site sends, and tells the page who is signed in', async () => {
    const { status, body, setCookie, cookie } = await signIn(main(), ada)
    expect({ status, body }).toEqual({
      status: 200,
      body: { name: 'ada', csrf: expect.any(String), until: expect.any(Number) },
    })
    expect(body.until).toBeCloseTo(Date.now() / 1000 + 12 * 3600, -2)
    expect(setCookie).toMatch(/^async-task-console=[\w.-]+; Path=\/; HttpOnly; SameSite=Strict$/)
    expect(setCookie).not.toContain(TOKEN)
    expect(await main().get('/console/session', cookie)).toEqual({ status: 200, body })
    expect(await main().get('/console/session')).toMatchObject({ status: 401 })
  })

  it('only over HTTPS is the cookie sent, where people come by it', async () => {
    const { setCookie } = await signIn(main(), ada, { 'x-forwarded-proto': 'https' })
    expect(setCookie).toContain('; Secure')
  })

  it('opens the operators’ APIs, and no other', async () => {
    const { cookie } = await signIn(main(), ada)
    for (const path of ['/api/operator/stats', '/api/operator/tasks', `${TEST_API}/operatorActs`]) {
      expect(await main().get(path, cookie)).toMatchObject({ status: 200 })
      expect(await main().get(path)).toMatchObject({ status: 401 })
    }
    for (const path of ['fetchPendingTasks', 'runsToCheck']) {
      expect(await main().get(`${TEST_API}/${path}`, cookie)).toMatchObject({ status: 401 })
    }
    const wrong = { ...cookie, authorization: `Bearer ${'x'.repeat(20)}` }
    expect(await main().get('/api/operator/stats', wrong)).toMatchObject({ status: 401 })
  })

  it('changes something only with the page’s own token, and records who it was', async () => {
    const { cookie, body } = await signIn(main(), ada)
    const apiCallId = await taskKeyOf(main().component.controller, await plantTask(main().component.controller))
    const cancel = (headers: Record<string, string>) =>
      main().post(`${TEST_API}/cancelTask`, { apiCallId, by: 'ada' }, { ...cookie, ...headers })
    const other = await signIn(main(), ada)
    for (const headers of [{}, { 'x-console-csrf': '' }, { 'x-console-csrf': other.body.csrf ?? '' }]) {
      expect(await cancel(headers as Record<string, string>)).toMatchObject({ status: 403 })
    }
    const csrf = { 'x-console-csrf': body.csrf ?? '' }
    const foreign = { origin: 'https://elsewhere.example', 'content-type': 'text/plain' }
    expect(await cancel({ ...csrf, ...foreign })).toMatchObject({ status: 403 })
    expect(await cancel(csrf)).toMatchObject({ status: 200, body: { status: 'cancelled' } })
    const { acts } = (await main().get(`${TEST_API}/operatorActs?limit=1`, cookie)).body
    expect(acts).toMatchObject([{ act: 'cancelTask', who: 'operator ada', by: 'ada' }])
    expect(
      await main().post('/api/operator/retryMany', { by: 'ada', dryRun: true, filter: { user: 'x' } }, cookie),
    ).toMatchObject({ status: 403 })
  })

  it('signs out, but not for another site', async () => {
    const { cookie, body } = await signIn(main(), ada)
    expect(await main().post('/console/sign-out', {}, cookie)).toMatchObject({ status: 403 })
    const response = await fetch(`${main().url}/console/sign-out`, {
      method: 'POST',
      headers: { ...cookie, 'x-console-csrf': body.csrf ?? '' },
    })
    expect([response.status, response.headers.get('set-cookie')]).toEqual([
      200,
      expect.stringMatching(/^async-task-console=; Max-Age=0; Path=\//),
    ])
    await response.body?.cancel()
  })

  it.each([
    ['no token', { name: 'ada' }, 400],
    ['no name', { token: TOKEN }, 400],
    ['an empty name', { token: TOKEN, name: ' ' }, 400],
    ['a wrong token', { token: `${TOKEN}x`, name: 'ada' }, 401],
    ['the token for metrics or of a user', { token: 'somebody-elses-token', name: 'ada' }, 401],
  ])('refuses %s', async (_what, given, status) => {
    const refused = await signIn(main(), given, { 'x-forwarded-for': '192.0.2.7' })
    expect(refused).toMatchObject({ status, setCookie: '' })
    expect(JSON.stringify(refused.body)).not.toContain(TOKEN)
  })

  it('the daemons’ token opens it too, as it opens the APIs', async () => {
    expect(await signIn(main(), { token: TEST_TOKEN, name: 'ada' })).toMatchObject({ status: 200 })
  })

  it('a changed, a strange or an ended session is none', async () => {
    const { cookie } = await signIn(main(), ada)
    const [name, value = ''] = cookie.cookie.split('=')
    const [text = '', signature = ''] = value.split('.')
    const content = JSON.parse(Buffer.from(text, 'base64url').toString())
    const later = Buffer.from(JSON.stringify({ ...content, until: content.until + 1e6 })).toString('base64url')
    const of = (sessions: ConsoleSessions, now?: number) => sessions.open({ name: 'ada', who: 'ada' }, 9e9, now).cookie
    const ended = Date.now() / 1000 - 12 * 3600 - 1
    for (const spoilt of [
      `${later}.${signature}`,
      text,
      `${text}.`,
      '.',
      'x',
      of(new ConsoleSessions('another-token-0123456')),
      of(new ConsoleSessions(TOKEN), ended),
    ]) {
      const headers = { cookie: `${name}=${spoilt}` }
      expect(await main().get('/api/operator/stats', headers)).toMatchObject({ status: 401 })
    }
    // Any main that has the token honours it.
    const headers = { cookie: `${name}=${of(new ConsoleSessions(TOKEN))}` }
    expect(await main().get('/api/operator/stats', headers)).toMatchObject({ status: 200 })
  })

  it('one address cannot try for long, and others can', async () => {
    const tries = async (client: string, times: number) => {
      const statuses: number[] = []
      for (let time = 0; time < times; time += 1) {
        statuses.push((await signIn(main(), { token: 'wrong-token', name: 'x' }, { 'x-forwarded-for': client })).status)
      }
      return statuses
    }
    expect(await tries('192.0.2.1', 11)).toEqual([...Array.from({ length: 10 }, () => 401), 429])
    expect(await signIn(main(), ada, { 'x-forwarded-for': '192.0.2.1' })).toMatchObject({
      status: 429,
      setCookie: '',
      retryAfter: '60',
    })
    expect(await tries('192.0.2.1, 192.0.2.2', 1)).toEqual([401])
    expect(await signIn(main(), ada, { 'x-forwarded-for': '192.0.2.3' })).toMatchObject({ status: 200 })
  })
})

it('forgets failed attempts after a minute; successes count for nothing; made up addresses do not help for long', () => {
  const attempts = new Attempts()
  const many = (times: number, now: number, address: string, forwardedFor?: (time: number) => string) =>
    Array.from({ length: times }, (_, time) =>
      attempts.begin({ address, forwardedFor: forwardedFor?.(time) }, now),
    ).filter(Boolean).length
  expect(many(50, 0, '2001:db8::1')).toBe(10)
  expect(many(5, 0, '2001:db8::2')).toBe(0)
  expect(many(5, 0, '2001:db8:0:1::1')).toBe(5)
  expect(many(5, 60_001, '2001:db8::1')).toBe(5)
  expect(many(5000, 0, '192.0.2.1', (time) => `198.51.${Math.floor(time / 256)}.${time % 256}`)).toBe(100)
  expect(many(1, 0, '::ffff:192.0.2.1')).toBe(0)
  for (let time = 0; time < 50; time += 1) {
    const attempt = attempts.begin({ address: '192.0.2.9', forwardedFor: undefined }, 0)
    expect(attempt).not.toBe(false)
    if (attempt) attempt.succeeded()
  }
})

describe('users of the application with an operator’s role', () => {
  const main = withMain({ auth: { mode: 'application' }, publicUrl: 'https://app.example.org/tasks' })
  const apis = ['/api/operator/stats', `${TEST_API}/operatorActs`]

  it('need no other sign-in, and others have none', async () => {
    for (const path of apis) {
      expect(await main().get(path, { 'x-session': 'ada' })).toMatchObject({ status: 200 })
      expect(await main().get(path, { 'x-session': 'ben' })).toMatchObject({ status: 403 })
      expect(await main().get(path)).toMatchObject({ status: 401 })
    }
    expect(await main().get('/console/session', { 'x-session': 'ada' })).toEqual({
      status: 200,
      body: { name: 'ada', csrf: '', until: null },
    })
    expect(await main().get('/console/session', { 'x-session': 'ben' })).toMatchObject({ status: 403 })
    const fetched = await main().get(`${TEST_API}/fetchPendingTasks`, { 'x-session': 'ada' })
    expect(fetched.status).toBe(401)
  })

  it('leave the sign-in to others, whose cookie goes by HTTPS alone where people come by it', async () => {
    expect((await signIn(main(), { token: TOKEN, name: 'ben' })).setCookie).toContain('; Secure')
  })

  it('are recorded by their own name, and see other users’ tasks only as operators', async () => {
    const { controller } = main().component
    const apiCallId = await taskKeyOf(controller, await plantTask(controller, { userId: 'ben' }))
    const cancel = { apiCallId, by: 'somebody' }
    expect(await main().post(`${TEST_API}/cancelTask`, cancel, { 'x-session': 'ben' })).toMatchObject({ status: 403 })
    expect(await main().get(`/api/test/tasks/${apiCallId}`, { 'x-session': 'ada' })).toMatchObject({ status: 404 })
    expect(await main().post(`${TEST_API}/cancelTask`, cancel, { 'x-session': 'ada' })).toMatchObject({ status: 200 })
    const { acts } = (await main().get(`${TEST_API}/operatorActs?limit=1`, { 'x-session': 'ada' })).body
    expect(acts).toMatchObject([{ who: 'ada', by: 'somebody' }])
  })
})

describe('a JWT with the operators’ role', () => {
  const main = withMain({ auth: { mode: 'jwt', secret: SECRET, operatorRole: 'operator' } })

  it('opens the operators’ APIs and the console, for as long as it is valid', async () => {
    const exp = inAnHour()
    const right = await jwt({ roles: ['user', 'operator'], exp })
    expect(await main().get('/api/operator/stats', { authorization: `Bearer ${right}` })).toMatchObject({ status: 200 })
    const { body, cookie } = await signIn(main(), { token: right })
    expect(body).toMatchObject({ name: 'ada', until: exp })
    expect(await main().get('/api/operator/stats', cookie)).toMatchObject({ status: 200 })
    const wrong = await jwt({ roles: ['user'] })
    expect(await main().get('/api/operator/stats', { authorization: `Bearer ${wrong}` })).toMatchObject({ status: 403 })
    expect(await signIn(main(), { token: wrong })).toMatchObject({ status: 403, setCookie: '' })
    const { paths } = (await main().get('/openapi.json')).body
    expect(paths['/api/operator/stats'].get.security).toContainEqual({ user: [] })
  })
})

it.each([
  ['an array', undefined, { roles: ['user', 'operator'] }, { roles: ['operators'] }],
  ['a text', 'scope', { scope: 'read operator' }, { scope: 'read operators' }],
  ['a path', 'realm_access.roles', { realm_access: { roles: ['operator'] } }, { realm_access: 'operator' }],
  ['a URL', 'https://example.org/roles', { 'https://example.org/roles': ['operator'] }, { roles: ['operator'] }],
])('the claim with the roles may be %s', async (_what, rolesClaim, right, wrong) => {
  const by = (auth: Auth) => createAuthentication({ auth, internalTokens: [], operatorToken: TOKEN })
  const jwtAuth = { mode: 'jwt', secret: SECRET, ...(rolesClaim && { rolesClaim }) } as const
  const { identifyOperator } = by({ ...jwtAuth, operatorRole: 'operator' })
  const authorization = `Bearer ${await jwt(right)}`
  expect(await identifyOperator(authorization, undefined)).toMatchObject({ operator: true, user: { id: 'ada' } })
  for (const claims of [wrong, {}]) {
    await expect(identifyOperator(`Bearer ${await jwt(claims)}`, undefined)).rejects.toMatchObject({ status: 403 })
  }
  await expect(by(jwtAuth).identifyOperator(authorization, undefined)).rejects.toThrow('missing or wrong')
})
