/** newIntegration: its workflow under time skipping, beside a main in memory. */
import { expect, it } from 'vitest'
import { integrationBench } from '../../../../tests/provider-kit/integration-bench.js'
import { newIntegration } from './index.js'

const bench = integrationBench(newIntegration)

it('makes what it was asked for', () =>
  bench(async ({ run }) => {
    expect(await run({ text: 'one two three' })).toMatchObject({ outcome: 'completed', result: { words: 3 } })
  }))
