/**
 * The Gemini API's `generateContent` for images, for development without a key and for tests. A prompt with `[refuse]`
 * is blocked at once, one with `[fail]` after the image was made; `[block:SAFETY]` and `[finish:NO_IMAGE]` do the same
 * with the given reason.
 */
import type { FaultKind } from '../../../simulator/faults.js'
import { createSimulator, type Simulator, type SimulatorOptions } from '../../../simulator/simulator.js'
import { IMAGE_FAULTS } from '../image-faults.js'
import { otherRatio, paint, ratioOf, type Size } from '../paint.js'
import { encodePng } from '../picture.js'
import { blocked, newResponseId, withImage, withoutImage } from './answer.js'
import { geminiErrors, invalid, keyInvalid, keyMissing, modelNotFound } from './errors.js'
import { generateContentSchema, IMAGE_SIDES, promptOf, referencesOf } from './request.js'

const BASE_PATH = '/v1beta'
/** Sides are multiples of it. */
const BLOCK = 16
const DRAFT: Size = { width: 64, height: 64 }

export function createGeminiSimulator(options: SimulatorOptions = {}): Simulator {
  const { apiKey, models } = options
  const kind = {
    name: 'gemini',
    basePath: BASE_PATH,
    faultKinds: IMAGE_FAULTS,
    errors: geminiErrors,
    realisticLatency: { shortest: 10_000, longest: 30_000 },
  }

  return createSimulator(kind, options, (app, bench) => {
    app.use(`${BASE_PATH}/*`, async (c, next) => {
      const key = c.req.header('x-goog-api-key') ?? c.req.query('key')
      if (!key) return keyMissing(c)
      return apiKey !== undefined && key !== apiKey ? keyInvalid(c) : next()
    })
    app.post(`${BASE_PATH}/models/:call{.+:generateContent}`, bench.during('create'))

    app.post(`${BASE_PATH}/models/:call{.+:generateContent}`, async (c) => {
      const model = c.req.param('call').replace(/:generateContent$/, '')
      if (models && !models.includes(model)) return modelNotFound(c, model)
      const request = generateContentSchema.safeParse(c.get('json'))
      if (!request.success) return invalid(c, request.error)
      const prompt = promptOf(request.data)
      const id = newResponseId()
      const refused = prompt.includes('[refuse]') || bench.happens(c, 'refuseAtCreate')
      const blockReason = reasonIn(prompt, 'block') ?? (refused ? 'PROHIBITED_CONTENT' : undefined)
      if (blockReason) return c.json(blocked(id, model, prompt, blockReason))

      c.get('entry').created = id
      const ending = prompt.includes('[fail]') ? 'refuseAtFinish' : bench.ending(c)
      await bench.pause(bench.latencyMs())
      const finishReason = reasonIn(prompt, 'finish') ?? (ending && FINISH_REASONS[ending])
      if (finishReason) return c.json(withoutImage(id, model, prompt, finishReason))

      const { imageConfig, thinkingConfig } = request.data.generationConfig ?? {}
      const references = referencesOf(request.data)
      const asked = ratioOf(imageConfig?.aspectRatio, references)
      const size = sizeOf(ending === 'wrongSize' ? otherRatio(asked) : asked, imageConfig?.imageSize ?? '1K')
      const draft = thinkingConfig?.includeThoughts ? encodePng(paint(`${prompt} draft`, [], DRAFT)) : undefined
      return c.json(withImage(id, model, prompt, encodePng(paint(prompt, references, size)), draft))
    })
  })
}

const FINISH_REASONS: Partial<Record<FaultKind, string>> = { refuseAtFinish: 'IMAGE_SAFETY', failAtFinish: 'NO_IMAGE' }

function reasonIn(prompt: string, what: 'block' | 'finish'): string | undefined {
  return new RegExp(`\\[${what}:([A-Z_]+)\\]`).exec(prompt)?.[1]
}

/** As many pixels as the square of that size, in any ratio. */
function sizeOf(ratio: number, imageSize: keyof typeof IMAGE_SIDES): Size {
  const side = IMAGE_SIDES[imageSize]
  const width = BLOCK * Math.round((side * Math.sqrt(ratio)) / BLOCK)
  return { width, height: BLOCK * Math.round(side ** 2 / width / BLOCK) }
}
