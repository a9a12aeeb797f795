/** `npm run simulator -- ark|image-gateway [--port 0] [--latency-ms 3000]`: one simulator in a process of its own. */
import { parseArgs } from 'node:util'
import { createArkSimulator, createImageGatewaySimulator } from './index.js'

const simulators = { ark: createArkSimulator, 'image-gateway': createImageGatewaySimulator }
const defaultPorts = { ark: 4010, 'image-gateway': 4011 }

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { port: { type: 'string' }, 'latency-ms': { type: 'string' } },
})
const name = positionals[0]
if (name !== 'ark' && name !== 'image-gateway') {
  console.error('Usage: npm run simulator -- ark|image-gateway [--port <number>] [--latency-ms <number>]')
  process.exit(2)
}

const simulator = simulators[name]({
  port: wholeNumber('port') ?? defaultPorts[name],
  latencyMs: wholeNumber('latency-ms') ?? 3000,
})
const { url } = await simulator.start()
console.log(`Simulator ${name} (no real provider) listens on ${url}`)
process.send?.({ type: 'ready', url })

const stop = () => void simulator.stop().then(() => process.exit(0))
process.once('SIGINT', stop)
process.once('SIGTERM', stop)
// A parent that is gone needs no simulator.
process.once('disconnect', stop)

function wholeNumber(option: 'port' | 'latency-ms'): number | undefined {
  const value = values[option]
  if (value === undefined) return undefined
  if (/^\d+$/.test(value)) return Number(value)
  console.error(`--${option} must be a whole number, not ${value}`)
  process.exit(2)
}
