/** Stands in for the provider where no key is configured. Keep it to what the provider's documents say. */
import { simulate } from '../../../../simulator/index.js'
import { newIntegration } from './index.js'

export const createSimulator = simulate(newIntegration, {
  path: '/v1/jobs',
  show: ({ id, request, state, url, error }) => ({ id, mark: request.mark, state, url, error }),
})
