/** What the processor makes of main's answers, over HTTP. */
import { afterEach, expect, it } from 'vitest'
import { MainClient } from '@/async-task-component/main-client.js'
import { TaskReports } from '@/async-task-component/task-reports.js'
import { type FakeProvider, type PreparedAnswer, startFakeProvider } from '../provider-kit/fake-provider.js'
import { silent } from './support.js'

let main: FakeProvider | undefined
afterEach(() => main?.stop())

async function reportsTo(...answers: PreparedAnswer[]): Promise<TaskReports> {
  main = await startFakeProvider(...answers)
  return new TaskReports({
    main: new MainClient({ internalToken: 'token', requestTimeoutMs: 5000 }),
    url: `${main.endpoint.baseUrl}report`,
    stopping: new AbortController().signal,
    expired: new AbortController().signal,
  })
}

const task = {
  id: '7',
  taskKey: 'key-7',
  status: 'pending',
  attempts: 0,
  startedAt: null,
  createdAt: 1,
  requestParams: {},
} as const
const statuses = () => main?.requests.map(({ body }) => (body as { status: string }).status)

it("does not believe a claim's answer that has another token: it asks again", async () => {
  const answer = { success: true, status: 'queued', attempt: 1, leaseSeconds: 300, takeOver: false }
  const refusal = { success: false, error: 'its lease is not over', reason: 'lease_held', status: 'queued' }
  const reports = await reportsTo(
    { body: { ...answer, fencingToken: 'the-token-of-another-claim' } },
    { body: answer },
    { status: 409, body: refusal },
  )

  expect(await reports.claim(task, { alone: false }, silent)).toEqual({ kind: 'refused' })
  expect(statuses()).toEqual(['queued', 'queued', 'queued'])
})

it('reports again until main has it', async () => {
  const reports = await reportsTo({ status: 500, body: {} }, 'reset', { body: { success: true, status: 'pending' } })
  const released = { apiCallId: '7', taskKey: 'key-7', status: 'released', attempt: 1, fencingToken: 'mine' } as const

  expect(await reports.report(released, silent)).toBe(true)
  expect(statuses()).toEqual(['released', 'released', 'released'])
})
