import { afterEach, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { createAPI } from '@/integrations/index.js'
import { createBareApp } from '../support/bare-app.js'
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
  const app = createBareApp([slow])

  const answering = app.request('/api/test/slow', { method: 'POST', body: '{}' })
  await vi.advanceTimersByTimeAsync(30_000)
  const answer = await answering
  expect([answer.status, await answer.json()]).toEqual([504, { success: false, error: 'The request took too long' }])
  expect(seen).toEqual(['aborted'])

  finish()
  await eventually(() => expect(seen).toEqual(['aborted', 'finished']))
})
