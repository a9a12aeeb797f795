/** What a refusal means by what was asked for: something that may cost, something before it, or how far it is. */
import { afterEach, expect, it } from 'vitest'
import { createHttp } from '@/provider-kit/provider/http.js'
import { type FakeProvider, type PreparedAnswer, startFakeProvider } from './fake-provider.js'

let provider: FakeProvider
afterEach(() => provider.stop())

async function httpFor(purpose: 'create' | 'prepare' | 'read', ...answers: PreparedAnswer[]) {
  provider = await startFakeProvider(...answers)
  return createHttp({ integration: 'any', endpoint: provider.endpoint, purpose, signal: AbortSignal.timeout(30_000) })
}

const answer = (status: number) => ({ status, body: { error: { code: 'why', message: 'Why' } } })
const upload = { method: 'POST', path: '/files', free: true } as const

it.each([
  [400, 'refused', 'refused', 'unavailable'],
  [404, 'refused', 'refused', 'unavailable'],
  [429, 'unavailable', 'unavailable', 'unavailable'],
  [500, 'ambiguous', 'unavailable', 'unavailable'],
] as const)('%i: of a create %s, of what comes before it %s, of a look %s', async (status, create, before, look) => {
  const http = await httpFor('create', answer(status), answer(status))
  await expect(http.send(upload)).rejects.toMatchObject({ kind: before })
  await expect(http.post('/jobs', {})).rejects.toMatchObject({ kind: create })
  await provider.stop()
  await expect((await httpFor('prepare', answer(status))).post('/', {})).rejects.toMatchObject({ kind: before })
  await provider.stop()
  await expect((await httpFor('read', answer(status))).post('/', {})).rejects.toMatchObject({ kind: look })
})

it('once something was accepted, a look that is refused says nothing of it', async () => {
  const http = await httpFor('create', { body: {} }, answer(403))
  await http.post('/jobs', {})
  await expect(http.get('/jobs/1')).rejects.toMatchObject({ kind: 'unavailable' })
  expect(http.hasSpent).toBe(true)
})
