/** What is paid to a provider that is polled and cannot be asked what a create whose answer was lost has made. */
import { fileURLToPath } from 'node:url'
import type { TestWorkflowEnvironment } from '@temporalio/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AttemptOutcome } from '@/protocol/attempt.js'
import type { TaskProvider } from '@/provider-kit/workflow/provider-task-job.js'
import type { LookUp } from '@/provider-kit/workflow/unanswered-create.js'
import {
  createEarlier,
  creates,
  videoRequest as request,
  statusAt,
  type VideoBench,
  withVideoBench,
} from '../provider-kit/video-bench.js'
import { createTimeSkippingEnvironment, nextAttempt, statusesOf } from '../provider-kit/workflow-bench.js'

const WORKFLOW = 'unlistedVideoWorkflow'
const workflowsPath = fileURLToPath(new URL('../workflows/fixtures/unlisted-videos.ts', import.meta.url))

let env: TestWorkflowEnvironment
beforeAll(async () => {
  env = await createTimeSkippingEnvironment()
})
afterAll(() => env.teardown())

const bench = (test: (bench: VideoBench) => Promise<void>) => withVideoBench(env, { workflowsPath }, test)
const failing = { ...request, onAmbiguousCreate: 'fail' }
const retrying = { ...request, onAmbiguousCreate: 'retry' }

/** Attempt after attempt, for as long as main gives it another: as a claim of the failed row would. */
async function runAll({ run, main }: VideoBench, of: object): Promise<AttemptOutcome[]> {
  const outcomes: AttemptOutcome[] = []
  for (;;) {
    outcomes.push(await run(WORKFLOW, of, outcomes.length + 1))
    const { status, retryable, attempts, attemptLimit } = main.state
    if (status !== 'failed' || !retryable || attempts >= attemptLimit) return outcomes
    main.state = nextAttempt(main.state, attempts)
  }
}

/** Each was accepted, and is charged for. */
const paid = ({ ark }: VideoBench) => creates(ark).filter(({ created }) => created !== undefined)

const LOST = { outcome: 'failed', error: { code: 'create_answer_lost' } }

describe('with "fail"', () => {
  it.each([1, 2, 3])('one create is made in all attempts, were the answers of %i lost', (lost) =>
    bench(async (video) => {
      video.ark.faults.set({ acceptThenReset: lost })
      const outcomes = await runAll(video, failing)
      expect(outcomes).toMatchObject([{ ...LOST, retryable: false, providerEnded: true }])
      expect(paid(video)).toHaveLength(1)
      expect(creates(video.ark)).toHaveLength(1)
      expect(video.main.state).toMatchObject({ status: 'failed', attempts: 1, openIntents: [], providerTask: null })
    }),
  )

  it('an operator who retries has another one made', () =>
    bench(async (video) => {
      const { ark, main, run } = video
      ark.faults.set({ acceptThenReset: 1 })
      await runAll(video, failing)
      main.state = nextAttempt(main.state)
      expect(await run(WORKFLOW, failing, 2)).toMatchObject({ outcome: 'completed', attempt: 2 })
      expect(paid(video)).toHaveLength(2)
    }))

  it('nothing is asked for where an earlier attempt may have created something', () =>
    bench(async ({ run, main, ark }) => {
      main.state = nextAttempt({ providerTask: null, openIntents: [{ attempt: 1, at: 1 }] })
      expect(await run(WORKFLOW, failing, 2)).toMatchObject({ ...LOST, retryable: false, providerEnded: true })
      expect(ark.requests).toEqual([])
      expect(statusesOf(main)).toEqual(['begin', 'failed'])
      expect(main.state).toMatchObject({ retryable: false, openIntents: [] })
    }))

  it('nor where the task that is known has failed, and another attempt may have created one since', () =>
    bench(async ({ run, main, ark, arkUrl }) => {
      const id = await createEarlier(arkUrl, 'earlier [fail]')
      await expect.poll(() => statusAt(arkUrl, id)).toBe('failed')
      main.state = nextAttempt({ providerTask: { id, attempt: 1 }, openIntents: [{ attempt: 2, at: 1 }] }, 2)
      expect(await run(WORKFLOW, failing, 3)).toMatchObject({ ...LOST, retryable: false })
      expect(creates(ark)).toHaveLength(1)
    }))

  it('a task that is known is gone on with all the same', () =>
    bench(async ({ run, main, ark, arkUrl }) => {
      const id = await createEarlier(arkUrl, 'earlier')
      main.state = nextAttempt({ providerTask: { id, attempt: 1 }, openIntents: [{ attempt: 2, at: 1 }] }, 2)
      const completed = { outcome: 'completed', result: { providerTaskId: id } }
      expect(await run(WORKFLOW, failing, 3)).toMatchObject(completed)
      expect(creates(ark)).toHaveLength(1)
    }))

  it('what was refused for now is asked for again, as nothing was made', () =>
    bench(async (video) => {
      video.ark.faults.set({ rateLimited: 2 })
      expect(await runAll(video, failing)).toMatchObject([{ outcome: 'completed' }])
      expect(paid(video)).toHaveLength(1)
    }))
})

describe('with "retry"', () => {
  it.each([1, 2, 3])('each lost answer is paid for, and one more: %i', (lost) =>
    bench(async (video) => {
      video.ark.faults.set({ acceptThenReset: lost })
      const outcomes = await runAll(video, retrying)
      expect(outcomes.slice(0, -1)).toMatchObject(Array(lost).fill({ ...LOST, retryable: true }))
      expect(outcomes.at(-1)).toMatchObject({ outcome: 'completed', attempt: lost + 1 })
      expect(paid(video)).toHaveLength(lost + 1)
      expect(video.main.state).toMatchObject({ status: 'completed', openIntents: [] })
    }),
  )

  it('there are as many creates as attempts, and no more, where no answer ever comes', () =>
    bench(async (video) => {
      video.ark.faults.set({ acceptThenReset: '100%' })
      expect(await runAll(video, retrying)).toHaveLength(5)
      expect(paid(video)).toHaveLength(5)
      expect(video.main.state).toMatchObject({ status: 'failed', attempts: 5 })
    }))
})

it('what is to become of a lost answer has to be said, or it is no provider to the compiler', () => {
  const rest = { create: async () => 'id', get: async () => ({ status: 'queued' as const }), cancel: async () => true }
  const choices = [
    // @ts-expect-error how it was written once: paid again after each lost answer, and nobody had decided so
    { ...rest, find: async () => null } satisfies TaskProvider,
    // @ts-expect-error nothing is said
    rest satisfies TaskProvider,
    // @ts-expect-error that it is impossible says not what happens then
    { impossible: true } satisfies LookUp,
    // @ts-expect-error nor does that answer the question whether it is impossible
    { onAmbiguousCreate: 'retry' } satisfies LookUp,
    // @ts-expect-error both at once
    { find: async () => null, impossible: true, onAmbiguousCreate: 'retry' } satisfies LookUp,
  ]
  expect(choices).toHaveLength(5)
})
