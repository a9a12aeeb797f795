/** What a video may be asked with: refused where Ark would refuse it, or ignore it and charge. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestMain, type TestMain } from '../support/main.js'
import { videoRequestSchema } from './ark-client.js'

const prompt = 'A kite'
const image = 'https://files.example.org/a.png'
const sound = 'https://files.example.org/a.mp3'

describe('accepted', () => {
  it.each([
    ['a prompt alone', { prompt }],
    ['a first frame without a prompt', { firstFrameUrl: image }],
    ['both frames', { prompt, firstFrameUrl: image, lastFrameUrl: image }],
    [
      'references of all kinds',
      { referenceImageUrls: [image], referenceVideoUrls: [image], referenceAudioUrls: [sound] },
    ],
    ['the shortest and the longest of any model', { prompt, duration: 2 }, { prompt, duration: 15 }],
    ['frames of 25 + 4n', { prompt, frames: 29 }, { prompt, frames: 57 }, { prompt, frames: 289 }],
    ['a draft', { prompt, draft: true, resolution: '480p' }, { prompt, draft: true, returnLastFrame: false }],
    ['a video of a draft', { draftTaskId: 'cgt-1', resolution: '1080p', returnLastFrame: true, safetyIdentifier: 'u' }],
    ['flex', { prompt, serviceTier: 'flex' }],
    ['a priority', { prompt, priority: 0 }, { prompt, priority: 9, serviceTier: 'default' }],
    ['dashes in a prompt', { prompt: 'A man -- tired -- says: --help, --duralumin --r --rs-232, x--rs 720p. --' }],
  ])('%s', (_case, ...requests) => {
    for (const request of requests) expect(videoRequestSchema.parse(request)).toEqual(request)
  })
})

const REFUSED: Array<[request: Record<string, unknown>, field: string, message: string]> = [
  [{}, 'prompt', 'is needed, unless'],
  [{ prompt: '' }, 'prompt', ''],
  [{ prompt, seed: 7 }, '', 'seed'],
  [{ prompt, resolution: '2k' }, 'resolution', '480p'],
  [{ prompt, ratio: '2:1' }, 'ratio', '16:9'],
  [{ prompt, duration: 1 }, 'duration', '>=2'],
  [{ prompt, duration: 16 }, 'duration', '<=15'],
  [{ prompt, duration: 5.5 }, 'duration', 'int'],
  [{ prompt, frames: 28 }, 'frames', '>=29'],
  [{ prompt, frames: 30 }, 'frames', 'must be 25 + 4n'],
  [{ prompt, frames: 293 }, 'frames', '<=289'],
  [{ prompt, frames: 57, duration: 5 }, 'frames', 'give one of them'],
  [{ prompt, priority: 10 }, 'priority', '<=9'],
  [{ prompt, priority: 1, serviceTier: 'flex' }, 'priority', 'serviceTier flex'],
  [{ prompt, serviceTier: 'fast' }, 'serviceTier', 'flex'],
  [{ prompt, safetyIdentifier: 'u'.repeat(65) }, 'safetyIdentifier', '1 to 64 ASCII'],
  [{ prompt, safetyIdentifier: 'a b' }, 'safetyIdentifier', '1 to 64 ASCII'],
  [{ prompt, firstFrameUrl: 'ftp://a/b.png' }, 'firstFrameUrl', 'http'],
  [{ prompt, firstFrameUrl: 'data:image/png;base64,AAAA' }, 'firstFrameUrl', 'http'],
  [{ prompt, firstFrameUrl: 'http://169.254.169.254/a.png' }, 'firstFrameUrl', 'private network'],
  [{ prompt, referenceImageUrls: [] }, 'referenceImageUrls', '>=1'],
  [{ prompt, referenceImageUrls: [image, 'x'] }, 'referenceImageUrls.1', 'http'],
  [{ prompt, lastFrameUrl: image }, 'lastFrameUrl', 'needs a firstFrameUrl'],
  [{ prompt, firstFrameUrl: image, referenceImageUrls: [image] }, 'referenceImageUrls', 'give references or frames'],
  [{ prompt, firstFrameUrl: image, referenceAudioUrls: [sound] }, 'referenceAudioUrls', 'give references or frames'],
  [{ prompt, cameraFixed: true, referenceImageUrls: [image] }, 'cameraFixed', 'references'],
  [{ prompt, draft: true, resolution: '720p' }, 'resolution', 'only be 480p'],
  [{ prompt, draft: true, returnLastFrame: true }, 'returnLastFrame', 'draft'],
  [{ prompt, draft: true, serviceTier: 'flex' }, 'serviceTier', 'draft'],
  [{ prompt, draftTaskId: 'cgt-1' }, 'prompt', 'taken from the draft'],
  [{ draftTaskId: 'cgt-1', duration: 5 }, 'duration', 'taken from the draft'],
  [{ draftTaskId: 'cgt-1', generateAudio: false }, 'generateAudio', 'taken from the draft'],
  [{ draftTaskId: 'cgt-1', firstFrameUrl: image }, 'firstFrameUrl', 'taken from the draft'],
  [{ prompt: 'A cat --rs 720p' }, 'prompt', 'give the field resolution instead'],
  [{ prompt: 'A cat --resolution 720p' }, 'prompt', 'give the field resolution instead'],
  [{ prompt: 'A cat --rt 16:9' }, 'prompt', 'give the field ratio instead'],
  [{ prompt: 'A cat --dur 5' }, 'prompt', 'give the field duration instead'],
  [{ prompt: 'A cat\n--DURATION=5' }, 'prompt', 'give the field duration instead'],
  [{ prompt: 'A cat --frames 57' }, 'prompt', 'give the field frames instead'],
  [{ prompt: '--cf true A cat' }, 'prompt', 'give the field cameraFixed instead'],
  [{ prompt: 'A cat --camerafixed false' }, 'prompt', 'give the field cameraFixed instead'],
  [{ prompt: 'A cat --wm' }, 'prompt', 'give the field watermark instead'],
  [{ prompt: 'A cat --seed 11' }, 'prompt', 'cannot be chosen'],
  [{ prompt: 'A cat --fps 24' }, 'prompt', 'cannot be chosen'],
]

describe('refused', () => {
  it.each(REFUSED)('%j', (request, field, message) => {
    const issues = videoRequestSchema.safeParse(request).error?.issues ?? []
    expect(issues.map(({ path }) => path.join('.'))).toContain(field)
    expect(issues.map((issue) => issue.message).join('\n')).toContain(message)
  })
})

describe('main', () => {
  let main: TestMain
  beforeAll(async () => {
    main = await startTestMain()
  })
  afterAll(() => main.stop())

  it('names the field and the remedy', async () => {
    expect(await main.post('/api/video/generate', { prompt: 'A cat --rs 720p' })).toMatchObject({
      status: 400,
      body: { fields: [{ field: 'prompt', message: expect.stringContaining('give the field resolution instead') }] },
    })
  })

  it.each([[{ firstFrameUrl: image }], [{ draftTaskId: 'cgt-1' }]])(
    'takes %j, which needs no prompt',
    async (request) => {
      const { status, body } = await main.post('/api/video/generate', request)
      expect({ status, body }).toMatchObject({ status: 200 })
      const { body: fetched } = await main.internalGet('/api/fangzhouVideoGeneration/fetchPendingTasks?limit=100')
      const task = fetched.tasks.find(({ taskKey }: { taskKey: string }) => taskKey === body.taskId)
      expect(task.requestParams).toEqual(request)
    },
  )
})
