/**
 * An OpenAI-compatible gateway that answers chat completions with images, for development without a key and for tests.
 * A prompt with `[refuse]` is refused by moderation, one with `[fail]` gets an answer without an image.
 */
import { withTimeout } from '../../../lib/abort.js'
import { disturbancesOf } from '../../../simulator/disturbances.js'
import { createSimulator, type Simulator, type SimulatorOptions } from '../../../simulator/simulator.js'
import { IMAGE_FAULTS } from '../image-faults.js'
import { otherRatio, paint, ratioOf, type Size } from '../paint.js'
import { encodePng } from '../picture.js'
import { type AnswerShape, completion, messageWith, newCompletionId } from './answer.js'
import { gatewayErrors, invalid, modelNotFound, promptRefused, unauthorized, unreadableReference } from './errors.js'
import { chatSchema, whatIsAsked } from './request.js'

export interface ImageGatewaySimulatorOptions extends SimulatorOptions {
  /** The image's place in the answer. Default: `images`. */
  answerShape?: AnswerShape
}

const BASE_PATH = '/v1'
/** The longer side of an image. */
const SIDE = 512
const FETCH_TIMEOUT_MS = 10_000
/** The number of images that can still be fetched by URL. */
const MAX_FILES = 100

export function createImageGatewaySimulator(options: ImageGatewaySimulatorOptions = {}): Simulator {
  const { apiKey, models, answerShape = 'images' } = options
  const files = new Map<string, Uint8Array>()
  const kind = {
    name: 'image-gateway',
    basePath: BASE_PATH,
    faultKinds: [...IMAGE_FAULTS, ...disturbancesOf('download')],
    errors: gatewayErrors,
    realisticLatency: { shortest: 10_000, longest: 30_000 },
  }

  return createSimulator(kind, options, (app, bench) => {
    const link = (id: string, origin: string) => (image: Uint8Array) => {
      files.set(id, image)
      const [oldest] = files.keys()
      if (files.size > MAX_FILES && oldest !== undefined) files.delete(oldest)
      return `${origin}/files/${id}.png`
    }

    app.use(`${BASE_PATH}/*`, async (c, next) => {
      const key = /^Bearer (\S+)$/.exec(c.req.header('authorization') ?? '')?.[1]
      return key === undefined || (apiKey !== undefined && key !== apiKey) ? unauthorized(c) : next()
    })
    app.post(`${BASE_PATH}/chat/completions`, bench.during('create'))
    app.get('/files/*', bench.during('download'))

    app.post(`${BASE_PATH}/chat/completions`, async (c) => {
      const request = chatSchema.safeParse(c.get('json'))
      if (!request.success) return invalid(c, request.error)
      const { model } = request.data
      if (models && !models.includes(model)) return modelNotFound(c, model)
      const { prompt, references: urls, ratio: asked } = whatIsAsked(request.data)
      const references = await Promise.all(urls.map((url) => load(url, bench.stopped())))
      if (!references.every((bytes) => bytes !== undefined)) return unreadableReference(c)
      if (prompt.includes('[refuse]') || bench.happens(c, 'refuseAtCreate')) return promptRefused(c)

      const id = newCompletionId()
      c.get('entry').created = id
      const ending = prompt.includes('[fail]') ? 'refuseAtFinish' : bench.ending(c)
      await bench.pause(bench.latencyMs())
      if (ending === 'refuseAtFinish') {
        const message = { role: 'assistant', content: 'This picture was made and then blocked.' }
        return c.json(completion(id, model, prompt, message, 'content_filter'))
      }
      if (ending === 'failAtFinish') {
        const message = { role: 'assistant', content: 'Here is what the picture would look like.' }
        return c.json(completion(id, model, prompt, message, 'stop'))
      }
      const ratio = ratioOf(asked, references)
      const image = encodePng(paint(prompt, references, sizeOf(ending === 'wrongSize' ? otherRatio(ratio) : ratio)))
      const message = messageWith(image, answerShape, link(id, new URL(c.req.url).origin))
      return c.json(completion(id, model, prompt, message, 'stop'))
    })

    app.get('/files/:file', (c) => {
      const image = files.get(c.req.param('file').replace(/\.png$/, ''))
      return image ? c.body(new Uint8Array(image), 200, { 'content-type': 'image/png' }) : c.notFound()
    })
  })
}

function sizeOf(ratio: number): Size {
  const [width, height] = ratio > 1 ? [SIDE, SIDE / ratio] : [SIDE * ratio, SIDE]
  return { width: Math.max(1, Math.round(width)), height: Math.max(1, Math.round(height)) }
}

/** The content of a URL, which may be a data URL; undefined if it cannot be read. */
async function load(url: string, stop: AbortSignal): Promise<Uint8Array | undefined> {
  try {
    return await withTimeout(FETCH_TIMEOUT_MS, [stop], async (signal) => {
      const response = await fetch(url, { signal })
      return response.ok ? new Uint8Array(await response.arrayBuffer()) : undefined
    })
  } catch {
    return undefined
  }
}
