/**
 * An OpenAI-compatible gateway that answers chat completions with images, for trying things out with no key and
 * for tests. A prompt with `[refuse]` is refused by moderation, one with `[fail]` gets an answer without an image.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { blend, decodePng, drawPicture, encodePng, type Picture, seedOf } from '../picture.js'
import {
  createSimulator,
  resetConnection,
  type Simulator,
  type SimulatorContext,
  type SimulatorOptions,
  takeFault,
} from '../simulator.js'

const BASE_PATH = '/v1'
/** The longer side. */
const SIDE = 512
const FETCH_TIMEOUT_MS = 10_000

const chatSchema = z.object({
  model: z.string().min(1),
  messages: z
    .array(
      z.object({
        role: z.enum(['system', 'user', 'assistant']),
        content: z.union([
          z.string().min(1),
          z.array(
            z.discriminatedUnion('type', [
              z.strictObject({ type: z.literal('text'), text: z.string().min(1) }),
              z.object({ type: z.literal('image_url'), image_url: z.object({ url: z.string().min(1) }) }),
            ]),
          ),
        ]),
      }),
    )
    .min(1),
  modalities: z.array(z.enum(['text', 'image'])).refine((modalities) => modalities.includes('image'), {
    message: "must contain 'image': this model makes nothing else",
  }),
})

export function createImageGatewaySimulator(options: SimulatorOptions = {}): Simulator {
  const latencyMs = options.latencyMs ?? 3000

  return createSimulator({ name: 'image-gateway', basePath: BASE_PATH }, options, (app, faults) => {
    app.post(`${BASE_PATH}/chat/completions`, async (c) => {
      if (!/^Bearer \S+$/.test(c.req.header('authorization') ?? '')) {
        return failure(c, 401, 'auth_error', 'No API key was given')
      }
      if (takeFault(faults, 'rateLimited')) {
        if (faults.retryAfterSeconds !== null) c.header('retry-after', String(faults.retryAfterSeconds))
        return failure(c, 429, 'throttling_error', 'Rate limit exceeded')
      }
      if (takeFault(faults, 'failing')) return failure(c, 500, 'internal_server_error', 'The upstream failed')

      const request = chatSchema.safeParse(c.get('json'))
      if (!request.success) {
        const [issue] = request.error.issues
        const param = issue?.path.join('.')
        return failure(c, 400, 'invalid_request_error', `${param || 'The request'}: ${issue?.message}`, param)
      }
      const parts = request.data.messages.flatMap(({ content }) =>
        typeof content === 'string' ? [{ type: 'text' as const, text: content }] : content,
      )
      const prompt = parts.flatMap((part) => (part.type === 'text' ? part.text : [])).join('\n')
      if (prompt.includes('[refuse]')) {
        return failure(c, 400, 'ContentPolicyViolationError', 'The prompt was rejected by the safety system')
      }
      if (takeFault(faults, 'resetting')) return resetConnection(c)

      const references: Uint8Array[] = []
      for (const part of parts) {
        if (part.type !== 'image_url') continue
        const bytes = await load(part.image_url.url)
        if (!bytes) return failure(c, 400, 'invalid_request_error', 'image_url: cannot be read', 'messages')
        references.push(bytes)
      }
      await delay(latencyMs)
      return c.json(completion(request.data.model, prompt, references))
    })
  })
}

function completion(model: string, prompt: string, references: Uint8Array[]) {
  const blocked = prompt.includes('[fail]')
  const message = blocked
    ? { role: 'assistant', content: 'This picture was made and then blocked.' }
    : {
        role: 'assistant',
        content: 'A simulated picture.',
        images: [
          {
            type: 'image_url',
            index: 0,
            image_url: { url: `data:image/png;base64,${encodePng(paint(prompt, references)).toString('base64')}` },
          },
        ],
      }
  return {
    id: `chatcmpl-simulated-${randomUUID()}`,
    object: 'chat.completion',
    created: Math.floor(Date.now() / 1000),
    model,
    choices: [{ index: 0, finish_reason: blocked ? 'content_filter' : 'stop', message }],
    usage: { prompt_tokens: prompt.length, completion_tokens: 1290, total_tokens: prompt.length + 1290 },
  }
}

/** A PNG among the references shows through; a picture that cannot be decoded here lends its bytes to the colours. */
function paint(prompt: string, references: Uint8Array[]): Picture {
  const pictures = references.flatMap((bytes) => decodePng(bytes) ?? [])
  const seed = references.reduce((sum, bytes) => (sum ^ seedOf(bytes)) >>> 0, seedOf(prompt))
  const { width, height } = measures(prompt, pictures[0])
  return pictures.reduce(blend, drawPicture(width, height, seed))
}

function measures(prompt: string, reference: Picture | undefined): { width: number; height: number } {
  const asked = /Aspect ratio: (\d+):(\d+)/.exec(prompt)
  const across = asked ? Number(asked[1]) : (reference?.width ?? 1)
  const down = asked ? Number(asked[2]) : (reference?.height ?? 1)
  const scale = SIDE / Math.max(across, down)
  return { width: Math.max(1, Math.round(across * scale)), height: Math.max(1, Math.round(down * scale)) }
}

async function load(url: string): Promise<Uint8Array | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) })
    return response.ok ? new Uint8Array(await response.arrayBuffer()) : undefined
  } catch {
    return undefined
  }
}

function failure(
  c: SimulatorContext,
  status: 400 | 401 | 429 | 500,
  type: string,
  message: string,
  param?: string,
): Response {
  return c.json({ error: { message, type, param: param ?? null, code: String(status) } }, status)
}
