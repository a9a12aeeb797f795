import { z } from 'zod'
import { numberFromText } from '../../lib/from-text.js'
import { providerConfigSchema } from '../../provider-kit/provider/config.js'

export const nanobanana2ConfigSchema = providerConfigSchema.safeExtend({
  /**
   * How the images are asked for: `openai`, by chat completions of a gateway such as LiteLLM; `gemini`, by Gemini's
   * own API. `baseUrl` and, without a key, `simulatorUrl` have to be of that kind. Default `openai`.
   */
  backend: z.enum(['openai', 'gemini']).default('openai'),
  /** How long one image may take, in milliseconds. Default three minutes. */
  requestTimeoutMs: numberFromText(z.number().int().min(100).max(600_000)).default(180_000),
  /**
   * What to do when a request's answer was lost: neither kind of provider can be asked whether it made (and
   * charged for) an image. `fail` leaves the decision to an operator; `retry` risks paying twice. Default `fail`.
   */
  onAmbiguousCreate: z.enum(['fail', 'retry']).default('fail'),
})

export type Nanobanana2Config = z.output<typeof nanobanana2ConfigSchema>

/** What stands in for the provider where there is no key: `npm run simulator -- <this>`. */
export function imageSimulator({ backend }: Pick<Nanobanana2Config, 'backend'>): string {
  return backend === 'gemini' ? 'gemini' : 'image-gateway'
}
