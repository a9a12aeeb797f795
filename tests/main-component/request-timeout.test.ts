import { Controller } from 'interaqt'
import pino from 'pino'
import { afterEach, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { createAPI } from '@/integrations/index.js'
import { Admission } from '@/main-component/admission.js'
import { createAuthentication } from '@/main-component/authentication.js'
import { ConsoleSessions } from '@/main-component/console/sessions.js'
import { createHTTPApp } from '@/main-component/http-app.js'
import { eventually } from '../support/eventually.js'

afterEach(() => {
  vi.useRealTimers()
})

it('a request that takes too long is answered with 504, its signal fires, and its callback may go on', async () => {
  vi.useFakeTimers()
  const seen: string[] = []
  let finish = () => {}
  const slow = createAPI({
    name: 'slow',
    namespace: 'test',
    allowAnonymous: true,
    params: z.strictObject({}),
    answer: z.object({ done: z.boolean() }),
    async callback({ signal }) {
      signal.addEventListener('abort', () => seen.push('aborted'))
      await new Promise<void>((resolve) => {
        finish = resolve
      })
      seen.push('finished')
      return { done: true }
    },
  })
  const app = createHTTPApp({
    apis: [slow],
    middlewares: [],
    controller: Object.create(Controller.prototype),
    deadLoops: new Set<string>(),
    metrics: { read: async () => '' },
    authentication: createAuthentication({ auth: { mode: 'anonymous' }, internalTokens: [], operatorToken: undefined }),
    sessions: new ConsoleSessions('a token of nobody'),
    admission: new Admission({ maxWaitMs: 4_000, maxBodyBytes: 1_048_576 }),
    stopping: new AbortController().signal,
    artifacts: { dir: '.data' },
    url: 'http://main',
    logger: pino({ level: 'silent' }),
  })

  const answering = app.request('/api/test/slow', { method: 'POST', body: '{}' })
  await vi.advanceTimersByTimeAsync(30_000)
  const answer = await answering
  expect([answer.status, await answer.json()]).toEqual([504, { success: false, error: 'The request took too long' }])
  expect(seen).toEqual(['aborted'])

  finish()
  await eventually(() => expect(seen).toEqual(['aborted', 'finished']))
})
