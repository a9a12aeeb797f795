/** `npm run simulator -- ark|image-gateway|gemini [options]`: one simulator in a process of its own. */

import { application } from '../../application.js'
import { stopOnSignals } from '../../lib/stop-on-signals.js'
import { ownSimulators } from '../../simulator/own.js'
import { HELP, type Kind, simulatorFor, USAGE, UsageError } from './command-line.js'

const own: Record<string, Kind> = {}
for (const { namespace, url, load } of ownSimulators(application)) {
  const { createSimulator: create } = await load()
  own[namespace] = { create, defaultPort: Number(url.port) }
}
const { name, simulator } = parseOrExit()
const { url } = await simulator.start().catch(portTaken)
const stop = () => void simulator.stop().then(() => process.exit(0))
stopOnSignals(stop)
// If the parent has ended, the simulator is not needed any more.
process.once('disconnect', stop)
console.log(`Simulator ${name} (no real provider) listens on ${url}`)
process.send?.({ type: 'ready', url })

function parseOrExit() {
  try {
    const asked = simulatorFor(process.argv.slice(2), own)
    if (asked) return asked
    console.log(HELP)
    process.exit(0)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    console.error(`${error.message}\n\n${USAGE}`)
    process.exit(2)
  }
}

function portTaken(error: NodeJS.ErrnoException & { port?: number }): never {
  if (error.code !== 'EADDRINUSE') throw error
  console.error(`Port ${error.port} is taken: give another by --port`)
  process.exit(1)
}
