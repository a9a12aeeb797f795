import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestMain, type TestMain } from '../support/main.js'
import { events, plantTask, TEST_API } from '../support/tasks.js'

let main: TestMain
beforeAll(async () => {
  main = await startTestMain()
})
afterAll(() => main.stop())

const plant = (task?: Parameters<typeof plantTask>[1]) => plantTask(main.component.controller, task)
const cancel = (apiCallId: string, rest: object = { by: 'anna' }) =>
  main.internalPost(`${TEST_API}/cancelTask`, { apiCallId, ...rest })
const retry = (apiCallId: string, rest: object = { by: 'anna' }) =>
  main.internalPost(`${TEST_API}/retryTask`, { apiCallId, ...rest })
const claim = (apiCallId: string) =>
  main.internalPost(`${TEST_API}/reportTestAsyncTaskResult`, { apiCallId, status: 'queued' })
const due = async () => {
  const { body } = await main.internalGet(`${TEST_API}/fetchPendingTasks?limit=100`)
  return body.tasks.map((task: { id: string }) => task.id)
}
const FOR_EVER = 1e12

describe('cancelTask', () => {
  it('cancels a pending task at once: nobody may claim it any more', async () => {
    const id = await plant()
    expect(await cancel(id, { by: 'anna', reason: 'not wanted' })).toMatchObject({
      status: 200,
      body: { status: 'cancelled' },
    })
    expect(await claim(id)).toMatchObject({ status: 409, body: { reason: 'wrong_status', status: 'cancelled' } })
    expect(await due()).not.toContain(id)
  })

  it('is refused for a task that is over', async () => {
    const id = await plant({ events: [events.queued(1, FOR_EVER), events.processing(1), events.completed(1)] })
    expect(await cancel(id)).toMatchObject({
      status: 409,
      body: { error: 'It is over already: completed', status: 'completed' },
    })
  })
})

describe('retryTask', () => {
  it('makes an exhausted task due again', async () => {
    const id = await plant({ events: [events.queued(1, FOR_EVER), events.failed(1, FOR_EVER, false)] })
    expect(await due()).not.toContain(id)
    expect(await retry(id)).toMatchObject({ status: 200, body: { status: 'failed' } })
    expect(await due()).toContain(id)
    expect(await claim(id)).toMatchObject({ status: 200, body: { attempt: 2 } })
  })

  it('is refused for a task that has not failed', async () => {
    expect(await retry(await plant())).toMatchObject({ status: 409, body: { status: 'pending' } })
  })
})

describe.each([
  ['cancelTask', cancel],
  ['retryTask', retry],
])('%s', (name, ask) => {
  it('wants to know who asks', async () => {
    const { status, body } = await ask(await plant(), {})
    expect(status).toBe(400)
    expect(body).toMatchObject({ fields: [{ field: 'by' }] })
  })

  it('does not know other tasks', async () => {
    expect(await ask('999999999')).toMatchObject({ status: 404, body: { error: 'Task not found' } })
  })

  it('needs the internal token, and changes nothing without it', async () => {
    const id = await plant()
    expect(await main.post(`${TEST_API}/${name}`, { apiCallId: id, by: 'mallory' })).toMatchObject({ status: 401 })
    expect(await due()).toContain(id)
  })
})
