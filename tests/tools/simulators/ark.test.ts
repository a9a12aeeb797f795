import { imageSize } from 'image-size'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createArkSimulator, SIMULATOR_HEADER } from '@/tools/simulators/index.js'
import { ask } from './support.js'

let now = 1_800_000_000_000
const ark = createArkSimulator({ latencyMs: 1000, now: () => now })
let tasks: string
beforeAll(async () => {
  tasks = `${(await ark.start()).url}/contents/generations/tasks`
})
afterAll(() => ark.stop())

const valid = { model: 'm', content: [{ type: 'text', text: 'A snail' }], duration: 2 }

const create = async (body: object): Promise<string> => (await ask('POST', tasks, body)).body.id
const get = async (id: string) => (await ask('GET', `${tasks}/${id}`)).body

/** Boxes of an MP4 at one level, by name. */
function boxesOf(bytes: Buffer): Map<string, Buffer> {
  const boxes = new Map<string, Buffer>()
  for (let at = 0; at < bytes.length; at += bytes.readUInt32BE(at)) {
    boxes.set(bytes.toString('latin1', at + 4, at + 8), bytes.subarray(at + 8, at + bytes.readUInt32BE(at)))
  }
  return boxes
}

describe('a video', () => {
  it('is queued, running, then there: an MP4 of the ratio and the length that were asked for', async () => {
    const id = await create({ ...valid, ratio: '9:16', duration: 3, seed: 4_294_967_295, return_last_frame: true })
    expect(await get(id)).toMatchObject({ status: 'queued', error: null, seed: 4_294_967_295, model: 'm' })
    now += 999
    expect((await get(id)).status).toBe('running')
    expect((await get(id)).content).toBeUndefined()
    now += 1
    expect((await get(id)).status).toBe('succeeded')

    const { content, framespersecond } = await get(id)
    const video = Buffer.from(await (await fetch(content.video_url)).arrayBuffer())
    const boxes = boxesOf(video)
    expect([...boxes.keys()]).toEqual(expect.arrayContaining(['ftyp', 'mdat', 'moov']))
    const track = boxesOf(boxesOf(boxes.get('moov') ?? Buffer.alloc(0)).get('trak') ?? Buffer.alloc(0))
    const header = track.get('tkhd') ?? Buffer.alloc(8)
    // Width and height are the last fields, as 16.16 fixed point.
    expect([header.readUInt32BE(header.length - 8) / 65_536, header.readUInt32BE(header.length - 4) / 65_536]).toEqual([
      180, 320,
    ])
    const times = boxesOf(track.get('mdia') ?? Buffer.alloc(0)).get('mdhd') ?? Buffer.alloc(24)
    expect(times.readUInt32BE(16) / times.readUInt32BE(12)).toBeCloseTo(3, 1)
    expect(framespersecond).toBe(8)

    const lastFrame = new Uint8Array(await (await fetch(content.last_frame_url)).arrayBuffer())
    expect(imageSize(lastFrame)).toMatchObject({ type: 'png', width: 180, height: 320 })
  })

  it('says with every answer that no provider made it', async () => {
    const { headers, body } = await ask('POST', tasks, valid)
    expect(headers.get(SIMULATOR_HEADER)).toBe('ark')
    expect(body.id).toMatch(/^cgt-simulated-/)
  })

  it('fails in the end where the prompt says so', async () => {
    const id = await create({ ...valid, content: [{ type: 'text', text: 'x [fail]' }] })
    now += 1000
    expect(await get(id)).toMatchObject({ status: 'failed' })
    expect((await get(id)).error.code).toBe('OutputVideoSensitiveContentDetected')
  })
})

it('has the faults it is told to have, and keeps a log', async () => {
  ark.requests.length = 0
  ark.faults.set({ rateLimited: 1, failBeforeAccept: 1, acceptThenReset: 1 })
  ark.faults.retryAfterSeconds = 7
  const limited = await ask('POST', tasks, valid)
  expect([limited.status, limited.headers.get('retry-after')]).toEqual([429, '7'])
  expect((await ask('POST', tasks, valid)).status).toBe(500)
  const model = 'accepted-unseen'
  await expect(ask('POST', tasks, { ...valid, model })).rejects.toThrow('fetch failed')
  expect((await ask('GET', `${tasks}?filter.model=${model}`)).body.total).toBe(1)
  expect(ark.requests.map(({ method }) => method)).toEqual(['POST', 'POST', 'POST', 'GET'])
  expect(ark.requests[2]?.body).toEqual({ ...valid, model })
})
