/** What becomes of Ark's tasks: their states, records, links, and callbacks. One file, as they share the simulator. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createArkSimulator, type Simulator } from '@/tools/simulators/index.js'
import { ask } from './support.js'

const HOUR_MS = 3600_000
const START = 1_800_000_000_000
let now = START
const ark = createArkSimulator({ latencyMs: 1000, now: () => now })
let tasks: string
beforeAll(async () => {
  tasks = `${(await ark.start()).url}/contents/generations/tasks`
})
afterAll(() => ark.stop())
beforeEach(() => {
  now = START
})

const valid = { model: 'm', content: [{ type: 'text', text: 'A snail' }], duration: 2 }
const create = async (body: object = valid): Promise<string> => (await ask('POST', tasks, body)).body.id
const get = (id: string) => ask('GET', `${tasks}/${id}`)
const remove = (id: string) => ask('DELETE', `${tasks}/${id}`)
const statusAfter = async (id: string, ms: number) => {
  now = START + ms
  return (await get(id)).body.status
}

describe('a task ends', () => {
  it.each([
    ['refuseAtFinish', 'failed', 'OutputVideoSensitiveContentDetected'],
    ['failAtFinish', 'failed', 'InternalServiceError'],
    ['expire', 'expired', undefined],
  ] as const)('by %s as %s, after it ran', async (fault, status, code) => {
    ark.faults.set({ [fault]: 1 })
    const id = await create()
    expect([await statusAfter(id, 0), await statusAfter(id, 999), await statusAfter(id, 1000)]).toEqual([
      'queued',
      'running',
      status,
    ])
    const { body } = await get(id)
    expect(body.error?.code).toBe(code)
    expect(body.content).toBeUndefined()
    expect(body.updated_at).toBe(START / 1000 + 1)
  })

  it('by cancel as cancelled, before it ran', async () => {
    ark.faults.set({ cancel: 1 })
    const id = await create()
    expect([await statusAfter(id, 199), await statusAfter(id, 200)]).toEqual(['queued', 'cancelled'])
  })

  it('as expired when it was to be done by then', async () => {
    const slow = createArkSimulator({ latencyMs: 2 * HOUR_MS, now: () => now })
    const url = `${(await slow.start()).url}/contents/generations/tasks`
    const { id } = (await ask('POST', url, { ...valid, execution_expires_after: 3600 })).body
    const statusAt = async (ms: number) => {
      now = START + ms
      return (await ask('GET', `${url}/${id}`)).body.status
    }
    expect([await statusAt(HOUR_MS - 1), await statusAt(HOUR_MS), await statusAt(3 * HOUR_MS)]).toEqual([
      'running',
      'expired',
      'expired',
    ])
    await slow.stop()
  })

  it('by wrongSize in another ratio, and says so', async () => {
    ark.faults.set({ wrongSize: 1 })
    const id = await create({ ...valid, ratio: '9:16' })
    expect(await statusAfter(id, 1000)).toBe('succeeded')
    expect((await get(id)).body.ratio).toBe('1:1')
  })
})

it('tells what it was asked with', async () => {
  const id = await create({
    ...valid,
    duration: undefined,
    frames: 29,
    safety_identifier: 'user-1',
    service_tier: 'flex',
  })
  const { body } = await get(id)
  expect(body).toMatchObject({ frames: 29, safety_identifier: 'user-1', service_tier: 'flex', generate_audio: true })
  expect(body.duration).toBeUndefined()
})

describe('a delete', () => {
  it('cancels what is queued, once', async () => {
    const id = await create()
    expect((await remove(id)).status).toBe(200)
    expect((await remove(id)).status).toBe(200)
    expect(await statusAfter(id, 5000)).toBe('cancelled')
  })

  it('is refused while the task runs', async () => {
    const id = await create()
    now += 500
    expect(await remove(id)).toMatchObject({
      status: 409,
      body: { error: { code: 'InvalidAction.RunningTaskDeletion', type: 'Conflict' } },
    })
    expect(await statusAfter(id, 1000)).toBe('succeeded')
  })

  it.each(['succeeded', 'failed', 'expired'])('takes away the record of one that %s', async (status) => {
    ark.faults.set(status === 'failed' ? { failAtFinish: 1 } : status === 'expired' ? { expire: 1 } : {})
    const id = await create()
    expect(await statusAfter(id, 1000)).toBe(status)
    expect((await remove(id)).status).toBe(200)
    expect(await get(id)).toMatchObject({ status: 404, body: { error: { code: 'ResourceNotFound' } } })
    expect((await remove(id)).status).toBe(404)
  })
})

it('forgets records after seven days', async () => {
  const id = await create()
  expect(await statusAfter(id, 7 * 24 * HOUR_MS - 1)).toBe('succeeded')
  now += 1
  expect((await get(id)).status).toBe(404)
  expect((await ask('GET', `${tasks}?filter.task_ids=${id}`)).body).toEqual({ total: 0, items: [] })
})

it('serves files by a signed link, for a day', async () => {
  const id = await create({ ...valid, return_last_frame: true })
  now += 1000
  const { video_url: url, last_frame_url: frame } = (await get(id)).body.content
  now = START + 1000 + 24 * HOUR_MS - 1
  expect([(await fetch(url)).status, (await fetch(frame)).status]).toEqual([200, 200])
  expect((await fetch(url.replace(/\?.*/, ''))).status).toBe(403)
  now += 1
  expect([(await fetch(url)).status, (await fetch(frame)).status]).toEqual([403, 403])
})

describe('the list', () => {
  const list = (query: string) => ask('GET', `${tasks}?${query}`)
  const idsOf = async (query: string) => (await list(query)).body.items.map(({ id }: { id: string }) => id)

  it('is filtered by status and by several ids, page by page', async () => {
    const model = 'listed'
    const ids = [
      await create({ ...valid, model }),
      await create({ ...valid, model }),
      await create({ ...valid, model }),
    ]
    await remove(ids[1] ?? '')
    expect(await idsOf(`filter.model=${model}`)).toEqual(ids.toReversed())
    expect(await idsOf(`filter.model=${model}&filter.status=cancelled`)).toEqual([ids[1]])
    expect(await idsOf(`filter.task_ids=${ids[0]}&filter.task_ids=${ids[2]}&filter.status=queued`)).toEqual([
      ids[2],
      ids[0],
    ])
    expect((await list(`filter.model=${model}&page_num=2&page_size=2`)).body).toMatchObject({
      total: 3,
      items: [{ id: ids[0] }],
    })
    expect(await idsOf(`filter.model=${model}&page_num=3&page_size=2`)).toEqual([])
  })

  it('has the tasks of one service tier: the default one, where none is named', async () => {
    const model = 'tiers'
    const usual = await create({ ...valid, model })
    const flex = await create({ ...valid, model, service_tier: 'flex' })
    expect(await idsOf(`filter.model=${model}`)).toEqual([usual])
    expect(await idsOf(`filter.model=${model}&filter.service_tier=default`)).toEqual([usual])
    expect(await idsOf(`filter.model=${model}&filter.service_tier=flex`)).toEqual([flex])
  })

  it('calls an error by another name', async () => {
    ark.faults.set({ failAtFinish: 1 })
    const id = await create()
    now += 1000
    const [item] = (await list(`filter.task_ids=${id}`)).body.items
    expect(item).toMatchObject({ failure_reason: { code: 'InternalServiceError' } })
    expect(item).not.toHaveProperty('error')
  })

  it.each([
    ['page_num=0', 'page_num'],
    ['page_size=501', 'page_size'],
    ['page_size=ten', 'page_size'],
    ['filter.status=done', 'filter.status'],
    ['filter.service_tier=fast', 'filter.service_tier'],
  ])('refuses %s', async (query, param) => {
    expect(await list(query)).toMatchObject({ status: 400, body: { error: { code: 'InvalidParameter', param } } })
  })
})

describe('callbacks', () => {
  const called: Array<{ body: { id: string; status: string }; type: string | undefined }> = []
  let whileCalled = () => {}
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += chunk
    called.push({ body: JSON.parse(text), type: request.headers['content-type'] })
    whileCalled()
    response.end()
  })
  let url: string
  beforeAll(async () => {
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/callback`
  })
  afterAll(() => server.close())
  beforeEach(() => {
    called.length = 0
    whileCalled = () => {}
  })
  const statuses = () => called.map(({ body }) => body.status)

  it('tell of each change, with what a GET shows', async () => {
    let clock = START
    const quick = createArkSimulator({ latencyMs: 100, now: () => clock })
    const at = `${(await quick.start()).url}/contents/generations/tasks`
    const { id } = (await ask('POST', at, { ...valid, callback_url: url })).body
    clock += 20
    await expect.poll(statuses).toEqual(['running'])
    clock += 80
    await expect.poll(statuses).toEqual(['running', 'succeeded'])
    expect(called[1]).toEqual({ body: (await ask('GET', `${at}/${id}`)).body, type: 'application/json' })
    await quick.stop()
  })

  it('tell of the end where it comes while another change is told of', async () => {
    let clock = START
    const quick = createArkSimulator({ latencyMs: 100, now: () => clock })
    const at = `${(await quick.start()).url}/contents/generations/tasks`
    whileCalled = () => {
      clock += 80
    }
    await ask('POST', at, { ...valid, callback_url: url })
    clock += 20
    await expect.poll(statuses).toEqual(['running', 'succeeded'])
    await quick.stop()
  })

  it('tell of a cancel at once, and once', async () => {
    let clock = START
    const still = createArkSimulator({ latencyMs: 1000, now: () => clock })
    const at = `${(await still.start()).url}/contents/generations/tasks`
    const { id } = (await ask('POST', at, { ...valid, callback_url: url })).body
    await ask('DELETE', `${at}/${id}`)
    await expect.poll(statuses).toEqual(['cancelled'])
    // Whatever is still to be told of the first one comes before this.
    await ask('POST', at, { ...valid, callback_url: url })
    clock += 200
    await expect.poll(() => statuses().at(-1)).toBe('running')
    expect(statuses()).toEqual(['cancelled', 'running'])
    await still.stop()
  })

  it('do no harm where nobody listens', async () => {
    const quick = createArkSimulator({ latencyMs: 50 })
    const at = `${(await quick.start()).url}/contents/generations/tasks`
    const unheard = (await ask('POST', at, { ...valid, callback_url: 'http://127.0.0.1:9/' })).body.id
    await expect.poll(async () => (await ask('GET', `${at}/${unheard}`)).body.status).toBe('succeeded')
    await quick.stop()
  })

  it('end when the simulator stops', async () => {
    let clock = START
    const stopped = createArkSimulator({ latencyMs: 100, now: () => clock })
    const running = createArkSimulator({ latencyMs: 100, now: () => clock })
    const create = async (simulator: Simulator) => {
      const at = `${(await simulator.start()).url}/contents/generations/tasks`
      return (await ask('POST', at, { ...valid, callback_url: url })).body.id
    }
    await create(stopped)
    await stopped.stop()
    const id = await create(running)
    clock += 20
    // What is told of the one that was stopped would have come before this.
    await expect.poll(() => called.length).toBeGreaterThan(0)
    expect(called.map(({ body }) => body.id)).toEqual([id])
    await running.stop()
  })
})
