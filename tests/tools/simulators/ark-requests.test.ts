/** What Ark's create takes and refuses. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createArkSimulator } from '@/tools/simulators/index.js'
import { ask } from './support.js'

let now = 1_800_000_000_000
const ark = createArkSimulator({ latencyMs: 1000, now: () => now })
let tasks: string
beforeAll(async () => {
  tasks = `${(await ark.start()).url}/contents/generations/tasks`
})
afterAll(() => ark.stop())

const text = { type: 'text', text: 'A snail' }
const image = (role?: string) => ({
  type: 'image_url',
  image_url: { url: 'https://x.test/a.png' },
  ...(role && { role }),
})
const video = { type: 'video_url', video_url: { url: 'https://x.test/a.mp4' }, role: 'reference_video' }
const audio = { type: 'audio_url', audio_url: { url: 'https://x.test/a.mp3' }, role: 'reference_audio' }
const draft = (id: string) => ({ type: 'draft_task', draft_task: { id } })

const NEWEST = 'doubao-seedance-2-0-260128'
const OLDER = 'doubao-seedance-1-5-pro-251215'
const valid = { model: 'm', content: [text] }

describe('a create is accepted', () => {
  it.each<[string, object]>([
    ['with text alone', {}],
    ['with an image alone, as the first frame', { content: [image()] }],
    ['with a first frame', { content: [text, image('first_frame')] }],
    ['with a first and a last frame', { content: [text, image('first_frame'), image('last_frame')] }],
    ['with reference images', { content: [text, image('reference_image'), image('reference_image')] }],
    ['with a reference of each kind', { content: [text, image('reference_image'), video, audio] }],
    [
      'with data in place of an address',
      { content: [{ ...image(), image_url: { url: 'data:image/png;base64,aaaa' } }] },
    ],
    ['with an asset in place of an address', { content: [{ ...image(), image_url: { url: 'asset://a' } }] }],
    [
      'with every other field',
      {
        safety_identifier: 'user-1',
        callback_url: 'https://x.test/callback',
        return_last_frame: true,
        service_tier: 'flex',
        execution_expires_after: 3600,
        priority: 9,
        generate_audio: false,
        draft: true,
        camera_fixed: true,
        watermark: true,
        seed: 2 ** 32 - 1,
        resolution: '480p',
        ratio: 'adaptive',
        duration: 2,
      },
    ],
    ['with the longest wait', { execution_expires_after: 259_200 }],
    ['of 12 seconds by a model 1.x', { model: OLDER, duration: 12 }],
    ['of 15 seconds by a model 2.0', { model: NEWEST, duration: 15 }],
    ['of 15 seconds by an endpoint, whose id does not tell', { model: 'ep-20260101-abcde', duration: 15 }],
    ['of the fewest frames', { frames: 29 }],
    ['of the most frames', { frames: 289 }],
    ['with a duration that frames beat', { model: OLDER, frames: 289, duration: 15 }],
  ])('%s', async (_case, fields) => {
    expect(await ask('POST', tasks, { ...valid, ...fields })).toMatchObject({
      status: 200,
      body: { id: expect.any(String) },
    })
  })
})

describe('a create is refused', () => {
  it.each<[string, object | string, string, string]>([
    ['without a model', { model: undefined }, 'MissingParameter', 'model'],
    ['without content', { content: undefined }, 'MissingParameter', 'content'],
    ['with a model that is no string', { model: 5 }, 'InvalidParameter', 'model'],
    ['with no content', { content: [] }, 'InvalidParameter', 'content'],
    ['with an unknown field', { lenght: 5 }, 'InvalidParameter', 'lenght'],
    ['with an unknown kind of content', { content: [{ type: 'sound' }] }, 'InvalidParameter', 'content.0.type'],
    ['with an empty text', { content: [{ ...text, text: '' }] }, 'InvalidParameter', 'content.0.text'],
    [
      'with an address that is none',
      { content: [{ ...image(), image_url: { url: 'a.png' } }] },
      'InvalidParameter',
      'content.0.image_url.url',
    ],
    ['with an image without address', { content: [{ type: 'image_url' }] }, 'MissingParameter', 'content.0.image_url'],
    ['with an unknown role', { content: [image('middle_frame')] }, 'InvalidParameter', 'content.0.role'],
    [
      'with the role of an image on a video',
      { content: [{ ...video, role: 'first_frame' }] },
      'InvalidParameter',
      'content.0.role',
    ],
    ['with a last frame alone', { content: [text, image('last_frame')] }, 'InvalidParameter', 'content'],
    ['with two first frames', { content: [image('first_frame'), image('first_frame')] }, 'InvalidParameter', 'content'],
    [
      'with two last frames',
      { content: [image('first_frame'), image('last_frame'), image('last_frame')] },
      'InvalidParameter',
      'content',
    ],
    ['with several images that have no role', { content: [image(), image()] }, 'InvalidParameter', 'content'],
    [
      'with a frame and a reference image',
      { content: [image('first_frame'), image('reference_image')] },
      'InvalidParameter',
      'content',
    ],
    ['with a frame and a reference video', { content: [image('first_frame'), video] }, 'InvalidParameter', 'content'],
    ['with audio alone', { content: [text, audio] }, 'InvalidParameter', 'content'],
    ['with a draft and a text', { content: [text, draft('x')] }, 'InvalidParameter', 'content'],
    ['with an empty identifier', { safety_identifier: '' }, 'InvalidParameter', 'safety_identifier'],
    ['with a long identifier', { safety_identifier: 'x'.repeat(65) }, 'InvalidParameter', 'safety_identifier'],
    ['with a callback that is no address', { callback_url: 'here' }, 'InvalidParameter', 'callback_url'],
    ['with a callback by another protocol', { callback_url: 'ftp://x.test' }, 'InvalidParameter', 'callback_url'],
    ['with an unknown tier', { service_tier: 'fast' }, 'InvalidParameter', 'service_tier'],
    ['that expires too soon', { execution_expires_after: 3599 }, 'InvalidParameter', 'execution_expires_after'],
    ['that expires too late', { execution_expires_after: 259_201 }, 'InvalidParameter', 'execution_expires_after'],
    ['with a priority below 0', { priority: -1 }, 'InvalidParameter', 'priority'],
    ['with a priority above 9', { priority: 10 }, 'InvalidParameter', 'priority'],
    ['with a flag that is none', { watermark: 'yes' }, 'InvalidParameter', 'watermark'],
    ['with a seed too low', { seed: -2 }, 'InvalidParameter', 'seed'],
    ['with a seed too high', { seed: 2 ** 32 }, 'InvalidParameter', 'seed'],
    ['with a seed that is not whole', { seed: 1.5 }, 'InvalidParameter', 'seed'],
    ['with an unknown resolution', { resolution: '8k' }, 'InvalidParameter', 'resolution'],
    ['with an unknown ratio', { ratio: '2:1' }, 'InvalidParameter', 'ratio'],
    ['that is too short', { duration: 1 }, 'InvalidParameter', 'duration'],
    ['that is too long for a model 1.x', { model: OLDER, duration: 13 }, 'InvalidParameter', 'duration'],
    ['that is too long for a model 2.0', { model: NEWEST, duration: 16 }, 'InvalidParameter', 'duration'],
    ['of part of a second', { duration: 2.5 }, 'InvalidParameter', 'duration'],
    ['of too few frames', { frames: 25 }, 'InvalidParameter', 'frames'],
    ['of too many frames', { frames: 293 }, 'InvalidParameter', 'frames'],
    ['of a number of frames that there is not', { frames: 30 }, 'InvalidParameter', 'frames'],
    ['that is no object', 'a video, please', 'InvalidParameter', ''],
    [
      'that moderation refuses',
      { content: [{ ...text, text: 'A [refuse]' }] },
      'InputTextSensitiveContentDetected',
      '',
    ],
  ])('%s', async (_case, fields, code, param) => {
    const before = ark.requests.filter(({ created }) => created).length
    const answer = await ask('POST', tasks, typeof fields === 'string' ? fields : { ...valid, ...fields })
    expect(answer).toMatchObject({
      status: 400,
      body: { error: { code, param, type: 'BadRequest', message: expect.stringMatching(/\. Request id: \S+$/) } },
    })
    expect(ark.requests.filter(({ created }) => created)).toHaveLength(before)
  })

  it('without JSON', async () => {
    const response = await fetch(tasks, { method: 'POST', headers: { authorization: 'Bearer x' }, body: '{"model":' })
    expect(response.status).toBe(400)
    expect((await response.json()).error.code).toBe('MissingParameter')
  })
})

describe('a draft', () => {
  const create = async (body: object): Promise<string> => (await ask('POST', tasks, body)).body.id
  const get = async (id: string) => (await ask('GET', `${tasks}/${id}`)).body

  it('is made in full, as it was asked for', async () => {
    const id = await create({ ...valid, draft: true, seed: 7, ratio: '1:1', duration: 3, resolution: '1080p' })
    now += 1000
    expect(await get(id)).toMatchObject({ status: 'succeeded', draft: true, resolution: '480p' })
    const full = await create({ model: 'm', content: [draft(id)], resolution: '1080p' })
    expect(await get(full)).toMatchObject({ draft: false, seed: 7, ratio: '1:1', duration: 3, resolution: '1080p' })
  })

  it('has to be there, to be a draft, and to be done', async () => {
    const other = await create(valid)
    now += 1000
    const early = await create({ ...valid, draft: true })
    for (const id of ['cgt-none', other, early]) {
      expect(await ask('POST', tasks, { model: 'm', content: [draft(id)] })).toMatchObject({
        status: 404,
        body: { error: { code: 'ResourceNotFound', type: 'NotFound' } },
      })
    }
  })
})

it('a seed is kept by models 1.x, and by 2.0 not', async () => {
  const seedOf = async (model: string) => {
    const { id } = (await ask('POST', tasks, { ...valid, model, seed: 77 })).body
    return (await ask('GET', `${tasks}/${id}`)).body.seed
  }
  expect(await seedOf(OLDER)).toBe(77)
  expect(await seedOf(NEWEST)).not.toBe(77)
})
