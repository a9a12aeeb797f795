/** Whatever earlier attempts left at the provider: what is usable is gone on with, and else one more is paid for. */
import type { TestWorkflowEnvironment } from '@temporalio/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { VideoResult } from '@/integrations/fangzhouVideoGeneration/schemas.js'
import {
  createEarlier,
  creates,
  videoRequest as request,
  seedOfAttempt,
  statusAt,
  withVideoBench,
} from './video-bench.js'
import { createTimeSkippingEnvironment, nextAttempt } from './workflow-bench.js'

let env: TestWorkflowEnvironment
beforeAll(async () => {
  env = await createTimeSkippingEnvironment()
})
afterAll(() => env.teardown())

/** `unknown`: neither a task nor an intent is known of the attempt; `nothing`: it announced a create, and made none. */
type Left = 'unknown' | 'nothing' | 'usable' | 'failed'

/** Has the provider make what an attempt left there; its id, where there is anything. */
async function leave(arkUrl: string, attempt: number, left: Left): Promise<string | undefined> {
  if (left === 'unknown' || left === 'nothing') return undefined
  const id = await createEarlier(arkUrl, left === 'failed' ? 'earlier [fail]' : 'earlier', seedOfAttempt(attempt))
  if (left === 'failed') await expect.poll(() => statusAt(arkUrl, id), { interval: 20 }).toBe('failed')
  return id
}

const knownTasks = ['unknown', 'usable', 'failed'] as const
const cases = knownTasks.flatMap((known) =>
  (['unknown', 'nothing', 'usable', 'failed'] as const).flatMap((second) =>
    (['unknown', 'usable'] as const).map((third) => ({ known, second, third })),
  ),
)

describe('the fourth attempt', () => {
  it.each(cases)('after a task that is $known, and creates that left: $second, $third', ({ known, second, third }) =>
    withVideoBench(env, {}, async ({ run, main, ark, arkUrl }) => {
      const task = await leave(arkUrl, 1, known)
      const announced = [await leave(arkUrl, 2, second), await leave(arkUrl, 3, third)]
      const before = creates(ark).length
      main.state = nextAttempt(
        {
          providerTask: task === undefined ? null : { id: task, attempt: 1 },
          openIntents: [second, third].flatMap((left, i) => (left === 'unknown' ? [] : [{ attempt: i + 2, at: 1 }])),
        },
        3,
      )

      const outcome = await run<VideoResult>('videoPollingWorkflow', request, 4)

      const usable = [task, ...announced].filter((_, i) => [known, second, third][i] === 'usable')
      expect(outcome).toMatchObject({ outcome: 'completed', attempt: 4 })
      expect(creates(ark).length - before, 'created anew').toBe(usable.length > 0 ? 0 : 1)
      const used = outcome.outcome === 'completed' ? outcome.result.providerTaskId : undefined
      if (usable.length > 0) expect(usable).toContain(used)
    }),
  )
})
