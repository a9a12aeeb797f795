/** Stands in for the provider where no key is configured. Keep it to what the provider's documents say. */
import { simulatePolled } from '../../../../simulator/index.js'

export const createSimulator = simulatePolled({
  path: '/v1/jobs',
  show: ({ id, request, state, url, error }) => ({ id, mark: request.mark, state, url, error }),
})
