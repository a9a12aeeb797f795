/** Every way in which a provider's work can end, and what the next attempt makes of it. */
import type { TestWorkflowEnvironment } from '@temporalio/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createActivities } from '@/integrations/fangzhouVideoGeneration/activities/index.js'
import type { FaultKind, Simulator } from '@/tools/simulators/index.js'
import { type ImageBench, type ImageBenchOptions, imageRequest, withImageBench } from '../provider-kit/image-bench.js'
import {
  createEarlier,
  creates,
  seedOfAttempt,
  statusAt,
  type VideoBench,
  videoRequest,
  withVideoBench,
} from '../provider-kit/video-bench.js'
import { createTimeSkippingEnvironment, nextAttempt } from '../provider-kit/workflow-bench.js'

const VIDEO = 'videoPollingWorkflow'
const IMAGE = 'imageGenerationWorkflow'

let env: TestWorkflowEnvironment
beforeAll(async () => {
  env = await createTimeSkippingEnvironment()
})
afterAll(() => env.teardown())

const videoBench = (test: (bench: VideoBench) => Promise<void>) => withVideoBench(env, {}, test)
const imageBench = (options: ImageBenchOptions, test: (bench: ImageBench) => Promise<void>) =>
  withImageBench(env, options, test)

/** The requests about one task. */
const requestsAbout = (ark: Simulator, id = '') => ark.requests.filter(({ path }) => path.endsWith(id))

describe("a video's task at the provider", () => {
  it.each<[how: string, fault: FaultKind, error: object, retryable: boolean]>([
    ['refused by moderation', 'refuseAtFinish', { code: 'OutputVideoSensitiveContentDetected' }, false],
    ["failed by the provider's fault", 'failAtFinish', { code: 'InternalServiceError' }, true],
    ['expired', 'expire', { code: 'provider_task_expired' }, true],
    ['cancelled at the provider', 'cancel', { code: 'provider_task_cancelled' }, false],
    ['vanished', 'vanish', { code: 'provider_task_gone' }, false],
  ])('that ends as %s fails the attempt, and the next one has another created', (_how, fault, error, retryable) =>
    videoBench(async ({ run, main, ark }) => {
      ark.faults.set({ [fault]: 1 })
      const failed = await run(VIDEO, videoRequest)
      expect(failed).toMatchObject({ outcome: 'failed', error, retryable, providerEnded: true })
      expect(main.state).toMatchObject({ status: 'failed', retryable, providerTask: null, openIntents: [] })

      const ended = creates(ark)[0]?.created
      const asked = requestsAbout(ark, ended).length
      main.state = nextAttempt(main.state)
      expect(await run(VIDEO, videoRequest, 2)).toMatchObject({ outcome: 'completed', attempt: 2 })
      expect(creates(ark)).toHaveLength(2)
      expect(requestsAbout(ark, ended)).toHaveLength(asked)
    }),
  )

  it('that succeeded after its attempt was over is taken by the next one, which has nothing created', () =>
    videoBench(async ({ run, main, ark, arkUrl }) => {
      const id = await createEarlier(arkUrl, 'earlier')
      await expect.poll(() => statusAt(arkUrl, id)).toBe('succeeded')
      main.state = nextAttempt({ providerTask: { id, attempt: 1 }, openIntents: [] })
      expect(await run(VIDEO, videoRequest, 2)).toMatchObject({ outcome: 'completed', result: { providerTaskId: id } })
      expect(creates(ark)).toHaveLength(1)
    }))

  it.each<[how: string, fault: FaultKind, status: string]>([
    ['failed', 'failAtFinish', 'failed'],
    ['expired', 'expire', 'expired'],
    ['was cancelled', 'cancel', 'cancelled'],
  ])('that %s after its attempt was over is not resumed', (_how, fault, status) =>
    videoBench(async ({ run, main, ark, arkUrl }) => {
      ark.faults.set({ [fault]: 1 })
      const id = await createEarlier(arkUrl, 'earlier')
      await expect.poll(() => statusAt(arkUrl, id)).toBe(status)
      main.state = nextAttempt({ providerTask: { id, attempt: 1 }, openIntents: [] })
      expect(await run(VIDEO, videoRequest, 2)).toMatchObject({ outcome: 'completed' })
      expect(creates(ark)).toHaveLength(2)
      expect(main.reports[1]).toMatchObject({ status: 'processing', providerTask: { attempt: 2 } })
    }),
  )

  it('that vanished after its attempt was over is left to an operator, as it may have been paid for', () =>
    videoBench(async ({ run, main, ark, arkUrl }) => {
      const id = await createEarlier(arkUrl, 'earlier')
      ark.faults.set({ vanish: 1 })
      main.state = nextAttempt({ providerTask: { id, attempt: 1 }, openIntents: [] })
      const gone = { outcome: 'failed', error: { code: 'provider_task_gone' }, retryable: false }
      expect(await run(VIDEO, videoRequest, 2)).toMatchObject(gone)
      expect(creates(ark)).toHaveLength(1)
      expect(main.state).toMatchObject({ status: 'failed', retryable: false, providerTask: null })
    }))

  it('whose record is late is asked for until it is there', () =>
    videoBench(async ({ run, ark }) => {
      ark.faults.set({ readMissing: 2 })
      expect(await run(VIDEO, videoRequest)).toMatchObject({ outcome: 'completed' })
      expect(creates(ark)).toHaveLength(1)
    }))

  it.each<[what: string, fault: FaultKind, outcome: object]>([
    ['is late is copied once it is there', 'readMissing', { outcome: 'completed', result: { video: {} } }],
    ['vanished is left to an operator', 'vanish', { outcome: 'failed', error: { code: 'provider_task_gone' } }],
  ])('whose record, as it is to be copied, %s', (_what, fault, outcome) => {
    let set = () => {}
    const createVideoActivities: typeof createActivities = (context) => {
      const activities = createActivities(context)
      const storeResult: typeof activities.storeResult = (...args) => {
        set()
        set = () => {}
        return activities.storeResult(...args)
      }
      return { ...activities, storeResult }
    }
    return withVideoBench(env, { createVideoActivities }, async ({ run, ark }) => {
      set = () => ark.faults.set({ [fault]: 1 })
      expect(await run(VIDEO, videoRequest)).toMatchObject(outcome)
      expect(creates(ark)).toHaveLength(1)
    })
  })

  it('whose create was not answered, and that has ended when it is found, is not resumed', () =>
    videoBench(async ({ run, main, ark, arkUrl }) => {
      ark.faults.set({ expire: 1 })
      const id = await createEarlier(arkUrl, 'earlier', seedOfAttempt(1))
      await expect.poll(() => statusAt(arkUrl, id)).toBe('expired')
      main.state = nextAttempt({ providerTask: null, openIntents: [{ attempt: 1, at: 0 }] })
      expect(await run(VIDEO, videoRequest, 2)).toMatchObject({ outcome: 'completed' })
      expect(creates(ark)).toHaveLength(2)
      expect(main.state.openIntents).toEqual([])
    }))
})

describe('an image request', () => {
  it.each<[how: string, fault: FaultKind]>([
    ['in time', 'acceptThenHang'],
    ['whole', 'acceptThenTruncate'],
    ['readable', 'acceptThenMalform'],
  ])('whose answer was not %s (%s) is left to an operator, whose retry starts afresh', (_how, fault) =>
    imageBench({ requestTimeoutMs: 5000 }, async ({ run, main, gateway }) => {
      gateway.faults.set({ [fault]: 1 })
      const failed = { outcome: 'failed', error: { code: 'create_answer_lost' }, retryable: false }
      expect(await run(IMAGE, imageRequest)).toMatchObject(failed)
      expect(gateway.requests).toHaveLength(1)

      main.state = nextAttempt(main.state)
      expect(await run(IMAGE, imageRequest, 2)).toMatchObject({ outcome: 'completed' })
      expect(gateway.requests).toHaveLength(2)
    }),
  )

  it('that was answered without an image is made again by the next attempt', () =>
    imageBench({}, async ({ run, main, gateway }) => {
      gateway.faults.set({ failAtFinish: 1 })
      expect(await run(IMAGE, imageRequest)).toMatchObject({ error: { code: 'NO_IMAGE' }, providerEnded: true })
      main.state = nextAttempt(main.state)
      expect(await run(IMAGE, imageRequest, 2)).toMatchObject({ outcome: 'completed' })
      expect(gateway.requests).toHaveLength(2)
    }))

  it('that the key is not allowed is refused for good', () =>
    imageBench({}, async ({ run, main, gateway }) => {
      gateway.faults.set({ accessDenied: 1 })
      expect(await run(IMAGE, imageRequest)).toMatchObject({ outcome: 'failed', retryable: false })
      expect(gateway.requests).toHaveLength(1)
      expect(main.state).toMatchObject({ status: 'failed', retryable: false, openIntents: [] })
    }))

  it('that is put off until the deadline fails with nothing open, and with the pause that was asked for', () =>
    imageBench({ deadlineSeconds: 1000 }, async ({ run, main, gateway }) => {
      gateway.faults.set({ rateLimited: '100%' })
      gateway.faults.retryAfterSeconds = 600
      expect(await run(IMAGE, imageRequest)).toMatchObject({
        outcome: 'failed',
        error: { message: expect.stringContaining('rate limit') },
        retryable: true,
        retryAfterSeconds: 600,
      })
      // At once, and 600 s later; the third would come after the deadline.
      expect(gateway.requests).toHaveLength(2)
      expect(main.state).toMatchObject({ status: 'failed', retryable: true, openIntents: [] })
    }))
})
