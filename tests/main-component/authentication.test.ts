/**
 * Who may call the public APIs, in each mode, over real HTTP; and what an operator may do. One file, as each mode is
 * asked the same.
 */

import { once } from 'node:events'
import { createServer, get, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { MiddlewareHandler } from 'hono'
import {
  base64url,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  type JWK,
  type JWTPayload,
  SignJWT,
  UnsecuredJWT,
} from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { middlewares } from '@/backend/index.js'
import type { AppConfig } from '@/config.js'
import { startTestMain, TEST_TOKEN, type TestMain } from '../support/main.js'
import { events, plantTask, TEST_API, taskKeyOf } from '../support/tasks.js'

type Auth = AppConfig['components']['main']['auth']

const OPERATOR_TOKEN = 'operator-token-0123456789'
const SECRET = 'a secret that issuer and main share, 32 bytes'
const secretKey = new TextEncoder().encode(SECRET)
const inAMinute = () => Math.floor(Date.now() / 1000) + 60

/** A middleware of the application's. It is there in every mode, and counts in one. */
const signIn: MiddlewareHandler = async (c, next) => {
  const id = c.req.header('x-session')
  if (id !== undefined) c.set('user', { id })
  await next()
}
beforeAll(() => void middlewares.push(signIn))

/** One main for each description: a mode. */
function withAuth(auth: () => Auth | Promise<Auth>): () => TestMain {
  let main: TestMain
  beforeAll(async () => {
    main = await startTestMain({ auth: await auth(), operatorToken: OPERATOR_TOKEN })
  })
  afterAll(() => main?.stop())
  return () => main
}

/** Asks for a task, and tells the answer with what it says about credentials. */
async function ask(main: TestMain, headers: Record<string, string> = {}) {
  const response = await fetch(`${main.url}/api/test/run`, { method: 'POST', headers, body: '{"message":"hello"}' })
  const { status, headers: answered } = response
  const challenge = answered.get('www-authenticate')
  return {
    status,
    challenge,
    retryAfter: answered.get('retry-after'),
    body: (await response.json()) as { taskId: string; error?: string },
  }
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const askWith = (main: TestMain, token: string) => ask(main, bearer(token))
const refused = { status: 401, challenge: 'Bearer', body: { success: false, error: expect.any(String) } }

function jwt(claims: JWTPayload, alg = 'HS256', header: object = {}) {
  return new SignJWT(claims).setProtectedHeader({ alg, ...header })
}
const signed = (claims: JWTPayload, alg = 'HS256') => jwt(claims, alg).sign(secretKey)

/** Publishes a key, and signs with it. */
class Issuer {
  fetches = 0
  publicKey!: CryptoKey
  #privateKey!: CryptoKey
  #server!: Server
  #answer: [number, string] = [200, '']

  async start(): Promise<string> {
    const { publicKey, privateKey } = await generateKeyPair('RS256')
    this.publicKey = publicKey
    this.#privateKey = privateKey
    const symmetric: JWK = { kty: 'oct', kid: 'symmetric', k: base64url.encode(secretKey) }
    this.#answer = [200, JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'key-1' }, symmetric] })]
    this.#server = createServer((_request, response) => {
      this.fetches += 1
      const [status, body] = this.#answer
      response.writeHead(status).end(body)
    }).listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/keys`
  }

  answerWith(status: number, body: string): void {
    this.#answer = [status, body]
  }

  sign(claims: JWTPayload): Promise<string> {
    return jwt(claims, 'RS256', { kid: 'key-1' }).sign(this.#privateKey)
  }

  stop(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }
}

describe('anonymous', () => {
  const main = withAuth(() => ({ mode: 'anonymous' }))

  it('lets everybody ask, and whoever has the id look, whatever they send as credentials', async () => {
    const { body } = await ask(main())
    expect(await main().get(`/api/test/tasks/${body.taskId}`, bearer('anything-at-all'))).toMatchObject({ status: 200 })
    expect(await askWith(main(), OPERATOR_TOKEN)).toMatchObject({ status: 200 })
  })

  it('shows nobody what belongs to a user, as from when users had to sign in', async () => {
    const { controller } = main().component
    const id = await plantTask(controller, { userId: 'anna' })
    const path = `/api/test/tasks/${await taskKeyOf(controller, id)}`
    expect((await main().get(path)).status).toBe(404)
    expect((await main().get(path, bearer(OPERATOR_TOKEN))).status).toBe(200)
  })

  describe('the operator’s token', () => {
    const operate = (api: string, body: object) => main().post(api, { by: 'ada', ...body }, bearer(OPERATOR_TOKEN))

    it('cancels and retries, by the public id or the row’s', async () => {
      const { controller } = main().component
      const ids = [await plantTask(controller), await plantTask(controller)]
      const names = [ids[0], await taskKeyOf(controller, ids[1] as string)]
      for (const apiCallId of names) {
        expect(await operate(`${TEST_API}/cancelTask`, { apiCallId })).toMatchObject({ body: { status: 'cancelled' } })
      }
      const failed = await plantTask(controller, { events: [events.queued(1, 1e12), events.failed(1, 1e12, false)] })
      const apiCallId = await taskKeyOf(controller, failed)
      expect(await operate(`${TEST_API}/retryTask`, { apiCallId })).toMatchObject({ body: { status: 'failed' } })
      const unknown = { apiCallId: 'AAAAAAAAAAAAAAAAAAAAAA' }
      expect(await operate(`${TEST_API}/cancelTask`, unknown)).toMatchObject({ status: 404 })
    })

    it('reaches the manual handles, and no API of the daemons', async () => {
      const apiCallId = 'AAAAAAAAAAAAAAAAAAAAAA'
      const video = '/api/fangzhouVideoGeneration'
      for (const api of ['queryFangzhouVideoStatus', 'triggerImmediatePoll']) {
        expect(await main().post(`${video}/${api}`, { apiCallId }, bearer(OPERATOR_TOKEN))).toMatchObject({
          status: 404,
        })
      }
      expect(await operate(`${video}/stopPolling`, { apiCallId })).toMatchObject({ status: 404 })

      for (const api of ['fetchPendingTasks', 'runsToCheck']) {
        expect((await main().get(`${TEST_API}/${api}`, bearer(OPERATOR_TOKEN))).status).toBe(401)
      }
      const id = await plantTask(main().component.controller)
      const claim = { apiCallId: id, status: 'queued' }
      expect((await operate(`${TEST_API}/reportTestAsyncTaskResult`, claim)).status).toBe(401)
    })
  })
})

describe('tokens', () => {
  const [anna, ben] = ['annas-own-token-0001', 'ben:has+a/token=with-signs']
  const main = withAuth(() => ({
    mode: 'tokens',
    tokens: [
      { user: 'anna', token: anna },
      { user: 'ben', token: ben },
    ],
  }))

  it('lets in whom a token names, and nobody else', async () => {
    const pending = async () => (await main().internalGet(`${TEST_API}/fetchPendingTasks?limit=100`)).body.tasks.length
    const before = await pending()
    for (const token of [anna, ben]) expect(await askWith(main(), token)).toMatchObject({ status: 200 })
    for (const headers of [
      {},
      { 'x-session': 'anna' },
      bearer(`${anna}x`),
      bearer('anna'),
      { authorization: `Basic ${anna}` },
    ]) {
      expect(await ask(main(), headers as Record<string, string>)).toMatchObject(refused)
    }
    expect(await pending()).toBe(before + 2)
  })

  it('a task is shown to who asked for it, and for everybody else it does not exist', async () => {
    const { body } = await askWith(main(), anna)
    const look = async (token: string, taskId = body.taskId) => {
      const response = await fetch(`${main().url}/api/test/tasks/${taskId}`, { headers: bearer(token) })
      const { 'x-request-id': _id, date: _date, ...headers } = Object.fromEntries(response.headers)
      return { status: response.status, headers, text: await response.text() }
    }
    expect(await look(anna)).toMatchObject({ status: 200 })
    const missing = await look(ben, 'AAAAAAAAAAAAAAAAAAAAAA')
    expect(missing).toMatchObject({ status: 404, text: '{"success":false,"error":"Task not found"}' })
    expect(await look(ben)).toEqual(missing)
    expect((await main().get(`/api/test/tasks/${body.taskId}`)).status).toBe(401)
    for (const token of [OPERATOR_TOKEN, TEST_TOKEN]) expect(await look(token)).toMatchObject({ status: 200 })
  })

  it('a task of before users had to sign in is nobody’s: only operators see it', async () => {
    const { controller } = main().component
    const path = `/api/test/tasks/${await taskKeyOf(controller, await plantTask(controller))}`
    expect((await main().get(path, bearer(anna))).status).toBe(404)
    expect((await main().get(path, bearer(OPERATOR_TOKEN))).status).toBe(200)
  })

  it('two credentials at once are none, and a user’s are no operator’s', async () => {
    const { hostname, port } = new URL(main().url)
    const path = '/api/test/tasks/AAAAAAAAAAAAAAAAAAAAAA'
    for (const tokens of [
      [anna, OPERATOR_TOKEN],
      [OPERATOR_TOKEN, 'x'.repeat(20)],
    ]) {
      const headers = tokens.flatMap((token) => ['authorization', `Bearer ${token}`])
      const request = get({ hostname, port, path, headers: ['host', 'main', 'connection', 'close', ...headers] })
      const [response] = (await once(request, 'response')) as [IncomingMessage]
      response.resume()
      expect(response.statusCode).toBe(401)
    }
    const { controller } = main().component
    const apiCallId = await taskKeyOf(controller, await plantTask(controller, { userId: 'anna' }))
    for (const api of [`${TEST_API}/cancelTask`, `${TEST_API}/retryTask`]) {
      expect((await main().post(api, { apiCallId, by: 'anna' }, bearer(anna))).status).toBe(401)
    }
    const video = '/api/fangzhouVideoGeneration'
    for (const api of ['queryFangzhouVideoStatus', 'triggerImmediatePoll', 'stopPolling']) {
      expect((await main().post(`${video}/${api}`, { apiCallId }, bearer(anna))).status).toBe(401)
    }
    const look = (method: string, token: string) =>
      fetch(`${main().url}/api/test/tasks/${apiCallId}`, { method, headers: bearer(token) })
    expect((await look('HEAD', anna)).status).toBe(200)
    expect((await look('HEAD', ben)).status).toBe(404)
    expect(await look('OPTIONS', 'nobodys').then((answer) => answer.text())).toBe('')
  })

  it('the operator’s token asks for no tasks, as they would be nobody’s', async () => {
    for (const token of [OPERATOR_TOKEN, TEST_TOKEN]) expect(await askWith(main(), token)).toMatchObject(refused)
  })

  it('health and the API document stay open', async () => {
    for (const path of ['/health', '/openapi.json']) expect((await main().get(path)).status).toBe(200)
    expect((await main().get('/artifacts/video-none-1.mp4')).status).toBe(404)
  })

  it('the API document says what each operation asks for', async () => {
    const { paths, components } = (await main().get('/openapi.json')).body
    expect(components.securitySchemes.user).toEqual({ type: 'http', scheme: 'bearer' })
    expect(paths['/api/test/run'].post).toMatchObject({ security: [{ user: [] }], responses: { 401: {}, 429: {} } })
    expect(paths['/api/test/tasks/{taskId}'].get.security).toContainEqual({ user: [] })
    expect(paths['/api/testAsyncTask/cancelTask'].post.security).toEqual([
      { internalToken: [] },
      { operatorToken: [] },
      { consoleSession: [] },
    ])
    expect(paths['/api/testAsyncTask/fetchPendingTasks'].get.security).toEqual([{ internalToken: [] }])
    const callback = '/api/fangzhouVideoGeneration/providerCallback/{taskKey}/{attempt}/{signature}'
    expect(paths[callback].post).not.toHaveProperty('security')
  })
})

describe('application', () => {
  const main = withAuth(() => ({ mode: 'application' }))

  it('takes whom a middleware of the application’s names', async () => {
    const { body, status } = await ask(main(), { 'x-session': 'anna' })
    expect(status).toBe(200)
    const path = `/api/test/tasks/${body.taskId}`
    expect((await main().get(path, { 'x-session': 'anna' })).status).toBe(200)
    expect((await main().get(path, { 'x-session': 'ben' })).status).toBe(404)
    expect(await ask(main())).toMatchObject(refused)
    expect(await ask(main(), { 'x-session': 'x'.repeat(201) })).toMatchObject(refused)
  })
})

describe('a page of another site', () => {
  const main = withAuth(() => ({ mode: 'application' }))
  const session = { 'x-session': 'anna' }
  const tasks = async () => (await main().internalGet(`${TEST_API}/fetchPendingTasks`)).body.tasks.length

  it('makes no task with the session of its visitor’s, by a post that browsers send without asking first', async () => {
    const before = await tasks()
    for (const headers of [
      { origin: 'https://elsewhere.example', 'content-type': 'text/plain' },
      { origin: 'https://elsewhere.example', 'content-type': 'application/x-www-form-urlencoded' },
      { origin: 'https://elsewhere.example', 'content-type': '' },
      { origin: 'null', 'content-type': 'text/plain', 'sec-fetch-site': 'cross-site' },
    ]) {
      expect(await ask(main(), { ...session, ...headers } as Record<string, string>)).toMatchObject({
        status: 403,
        body: { success: false, error: expect.stringContaining('content-type: application/json') },
      })
    }
    expect(await tasks()).toBe(before)
  })

  it('is no page of this site’s, no program, and none that browsers ask for first', async () => {
    for (const headers of [
      { origin: main().url, 'content-type': 'text/plain' },
      // A proxy before main may have another address than the page knows.
      { origin: 'https://main.example', 'content-type': 'text/plain', 'sec-fetch-site': 'same-origin' },
      { origin: 'https://elsewhere.example', 'content-type': 'application/json' },
      {},
    ]) {
      expect(await ask(main(), { ...session, ...headers } as Record<string, string>)).toMatchObject({ status: 200 })
    }
  })
})

it('application without a middleware does not start, and says what to do', async () => {
  const taken = middlewares.splice(0)
  try {
    await expect(startTestMain({ auth: { mode: 'application' } })).rejects.toMatchObject({
      code: 'NO_AUTHENTICATION',
      message: expect.stringContaining('backend/index.ts'),
    })
  } finally {
    middlewares.push(...taken)
  }
})

describe('jwt, by a shared secret', () => {
  const issued = { iss: 'https://issuer.example', aud: 'main' }
  const main = withAuth(() => ({ mode: 'jwt', secret: SECRET, issuer: issued.iss, audience: issued.aud }))
  const good = () => ({ ...issued, sub: 'anna', exp: inAMinute() })

  it('takes the token’s sub for the user', async () => {
    const token = await signed(good())
    const { status, body } = await askWith(main(), token)
    expect(status).toBe(200)
    expect((await main().get(`/api/test/tasks/${body.taskId}`, bearer(token))).status).toBe(200)
    const bens = bearer(await signed({ ...good(), sub: 'ben' }, 'HS512'))
    expect((await main().get(`/api/test/tasks/${body.taskId}`, bens)).status).toBe(404)
  })

  it.each<[string, () => string | Promise<string>]>([
    ['none at all', () => ''],
    ['what is no token', () => 'abc.def.ghi'],
    ['an expired one', () => signed({ ...good(), exp: inAMinute() - 120 })],
    ['one that never expires', () => signed({ ...issued, sub: 'anna' })],
    ['one that is not valid yet', () => signed({ ...good(), nbf: inAMinute() })],
    ['another issuer’s', () => signed({ ...good(), iss: 'https://other.example' })],
    ['one for somebody else', () => signed({ ...good(), aud: 'another application' })],
    ['one without issuer and audience', () => signed({ sub: 'anna', exp: inAMinute() })],
    ['one that names nobody', () => signed({ ...issued, exp: inAMinute() })],
    ['one with an empty name', () => signed({ ...good(), sub: '' })],
    ['one with a name too long to keep', () => signed({ ...good(), sub: 'x'.repeat(201) })],
    ['one whose name is not text', () => signed({ ...good(), sub: 'an\0na' })],
    ['one whose name is a number', () => signed({ ...good(), sub: 7 as never })],
    ['an unsigned one', () => new UnsecuredJWT(good()).encode()],
    ['one whose alg says none', async () => `${withoutAlgorithm(await signed(good()))}`],
    ['one signed with another secret', () => jwt(good()).sign(new TextEncoder().encode('y'.repeat(32)))],
    ['one that was changed', async () => changed(await signed(good()))],
  ])('refuses %s', async (_what, make) => {
    expect(await askWith(main(), await make())).toMatchObject(refused)
  })
})

/** The same token, said to be unsigned. */
function withoutAlgorithm(token: string): string {
  const [, payload, signature] = token.split('.')
  return [base64url.encode('{"alg":"none"}'), payload, signature].join('.')
}

/** For another user, under the same signature. */
function changed(token: string): string {
  const [header, payload = '', signature] = token.split('.')
  const claims = JSON.parse(new TextDecoder().decode(base64url.decode(payload)))
  return [header, base64url.encode(JSON.stringify({ ...claims, sub: 'ben' })), signature].join('.')
}

describe('jwt, by the issuer’s published keys', () => {
  const issuer = new Issuer()
  const main = withAuth(async () => ({ mode: 'jwt', jwksUrl: await issuer.start() }))
  afterAll(() => issuer.stop())
  const good = () => ({ sub: 'anna', exp: inAMinute() })

  it('takes a token that one of them has signed, and keeps the keys', async () => {
    for (let times = 0; times < 3; times++) {
      expect(await askWith(main(), await issuer.sign(good()))).toMatchObject({ status: 200 })
    }
    expect(issuer.fetches).toBe(1)
  })

  it('refuses one of a key that the issuer does not publish', async () => {
    const { privateKey } = await generateKeyPair('RS256')
    const stranger = await jwt(good(), 'RS256', { kid: 'unknown' }).sign(privateKey)
    expect(await askWith(main(), stranger)).toMatchObject(refused)
    const impostor = await jwt(good(), 'RS256', { kid: 'key-1' }).sign(privateKey)
    expect(await askWith(main(), impostor)).toMatchObject(refused)
  })

  it('refuses one that takes the public key for a shared secret, and unsigned ones', async () => {
    const publicText = new TextEncoder().encode(await exportSPKI(issuer.publicKey))
    expect(await askWith(main(), await jwt(good(), 'HS256', { kid: 'key-1' }).sign(publicText))).toMatchObject(refused)
    expect(await askWith(main(), await jwt(good(), 'HS256', { kid: 'symmetric' }).sign(secretKey))).toMatchObject(
      refused,
    )
    expect(await askWith(main(), new UnsecuredJWT(good()).encode())).toMatchObject(refused)
    expect(await askWith(main(), await signed(good()))).toMatchObject(refused)
  })

  it('without an audience in the configuration asks for none', async () => {
    expect(await askWith(main(), await issuer.sign({ ...good(), aud: 'any' }))).toMatchObject({ status: 200 })
  })
})

describe('where the issuer’s keys cannot be had', () => {
  const issuer = new Issuer()
  const main = withAuth(async () => ({ mode: 'jwt', jwksUrl: await issuer.start() }))
  afterAll(() => issuer.stop())

  it.each<[string, () => void]>([
    ['as it answers 500', () => issuer.answerWith(500, 'down')],
    ['as it answers nonsense', () => issuer.answerWith(200, '<html>')],
    ['as it is not there', () => issuer.stop()],
  ])(
    '%s: a token that may be good is answered 503, one that cannot be 401, and operators are let in',
    async (_what, spoil) => {
      spoil()
      expect(await askWith(main(), await issuer.sign({ sub: 'anna', exp: inAMinute() }))).toMatchObject({
        status: 503,
        challenge: null,
        retryAfter: '2',
        body: { success: false, requestId: expect.any(String) },
      })
      expect(await ask(main())).toMatchObject(refused)
      expect(await askWith(main(), await signed({ sub: 'anna', exp: inAMinute() }))).toMatchObject(refused)
      expect(await main().get('/api/test/tasks/none', bearer(OPERATOR_TOKEN))).toMatchObject({ status: 404 })
    },
  )
})
