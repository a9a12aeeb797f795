import { getEventListeners } from 'node:events'
import { Controller } from 'interaqt'
import pino from 'pino'
import { expect, it } from 'vitest'
import { z } from 'zod'
import { createAPI } from '@/integrations/index.js'
import { Admission } from '@/main-component/admission.js'
import { createAuthentication } from '@/main-component/authentication.js'
import { ConsoleSessions } from '@/main-component/console/sessions.js'
import { createHTTPApp } from '@/main-component/http-app.js'

it('a signal is made for a callback that looks at it alone, and follows nothing once that is answered', async () => {
  const stopping = new AbortController().signal
  const following = () => getEventListeners(stopping, 'abort').length
  const open = { namespace: 'test', allowAnonymous: true, params: z.strictObject({}) }
  const answer = z.object({ following: z.number() })
  const apis = [
    createAPI({ ...open, answer, name: 'blind', callback: async () => ({ following: following() }) }),
    createAPI({
      ...open,
      answer,
      name: 'watching',
      callback: async ({ signal }) => ({ following: signal && following() }),
    }),
  ]
  const app = createHTTPApp({
    apis,
    middlewares: [],
    controller: Object.create(Controller.prototype),
    deadLoops: new Set<string>(),
    metrics: { read: async () => '' },
    authentication: createAuthentication({ auth: { mode: 'anonymous' }, internalTokens: [], operatorToken: undefined }),
    sessions: new ConsoleSessions('a token of nobody'),
    admission: new Admission({ maxWaitMs: 4_000, maxBodyBytes: 1_048_576 }),
    stopping,
    artifacts: { dir: '.data' },
    url: 'http://main',
    logger: pino({ level: 'silent' }),
  })
  const ask = async (name: string) => (await app.request(`/api/test/${name}`, { method: 'POST', body: '{}' })).json()
  expect(await ask('blind')).toEqual({ following: 0 })
  expect(await ask('watching')).toEqual({ following: 1 })
  expect(following()).toBe(0)
})
