import { getEventListeners } from 'node:events'
import { expect, it } from 'vitest'
import { z } from 'zod'
import { createAPI } from '@/integrations/index.js'
import { createBareApp } from '../support/bare-app.js'

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
  const app = createBareApp(apis, stopping)
  const ask = async (name: string) => (await app.request(`/api/test/${name}`, { method: 'POST', body: '{}' })).json()
  expect(await ask('blind')).toEqual({ following: 0 })
  expect(await ask('watching')).toEqual({ following: 1 })
  expect(following()).toBe(0)
})
