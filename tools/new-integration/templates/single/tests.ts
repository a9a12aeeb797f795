/** newIntegration: its workflow under time skipping, beside its simulator and a main in memory. */
import { expect, it } from 'vitest'
import { integrationBench } from '../../../../tests/provider-kit/integration-bench.js'
import { newIntegration } from './index.js'
import { createSimulator } from './simulator.js'

const bench = integrationBench(newIntegration, { createSimulator })
const request = { text: 'hello' }

it('makes what it was asked for, and keeps it', () =>
  bench(async ({ run, paid }) => {
    const completed = { outcome: 'completed', result: { file: { mimeType: 'text/plain' } } }
    expect(await run(request)).toMatchObject(completed)
    expect(paid()).toBe(1)
  }))

it.each(['acceptThenReset', 'acceptThenFail', 'acceptThenMalform'] as const)(
  'pays once where %s, and leaves the rest to an operator',
  (fault) =>
    bench(async ({ run, provider, paid }) => {
      provider.faults.set({ [fault]: 1 })
      const left = { outcome: 'failed', error: { code: 'create_answer_lost' }, retryable: false }
      expect(await run(request)).toMatchObject(left)
      expect(paid()).toBe(1)
    }),
)

it('waits while the provider takes no more', () =>
  bench(async ({ run, provider }) => {
    provider.faults.set({ rateLimited: 1, overloaded: 1 })
    expect(await run(request)).toMatchObject({ outcome: 'completed' })
  }))
