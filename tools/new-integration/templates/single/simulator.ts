/** Stands in for the provider where no key is configured. Keep it to what the provider's documents say. */
import { simulateSingle } from '../../../../simulator/index.js'

export const createSimulator = simulateSingle({
  path: '/v1/make',
  answer: (_request, url) => ({ url }),
})
