/** Both providers' simulators, as one process that takes faults by message. */
import { z } from 'zod'
import { createArkSimulator, createImageGatewaySimulator } from '../../simulators/index.js'
import { PROVIDER_FAULTS } from '../schedule.js'
import { PROVIDER_LATENCY_MS } from '../settings.js'

const faultMessage = z.object({
  type: z.literal('fault'),
  route: z.enum(['ark', 'images']),
  fault: z.enum(Object.values(PROVIDER_FAULTS).flat()),
  count: z.number().int(),
})

const simulators = {
  ark: createArkSimulator({ latencyMs: PROVIDER_LATENCY_MS }),
  images: createImageGatewaySimulator({ latencyMs: PROVIDER_LATENCY_MS }),
}
const [ark, images] = await Promise.all([simulators.ark.start(), simulators.images.start()])

process.on('message', (message) => {
  const { route, fault, count } = faultMessage.parse(message)
  simulators[route].faults.add(fault, count)
})
process.send?.({ type: 'ready', ark: ark.url, images: images.url })

process.once('SIGTERM', () => {
  void Promise.all([simulators.ark.stop(), simulators.images.stop()]).then(() => process.exit(0))
})
