/** `async-task simulator`: what an integration brings to stand in for its provider, in a process of its own. */
import { parseArgs } from 'node:util'
import type { Application } from '../application/define.js'
import { stopOnSignals } from '../lib/stop-on-signals.js'
import { ownSimulators } from '../simulator/own.js'

export async function runSimulator(application: Application, args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options: { port: { type: 'string' } } })
  const all = ownSimulators(application)
  const asked = all.find(({ namespace }) => namespace === positionals[0])
  const port = Number(values.port ?? asked?.url.port)
  if (!asked || !Number.isInteger(port)) {
    const names = all.map(({ namespace }) => namespace).join(' | ') || 'none: no integration has a simulator.ts'
    throw Object.assign(new Error(`async-task simulator <${names}> [--port <port>]`), { code: 'USAGE' })
  }
  const simulator = (await asked.load()).createSimulator({ port })
  const { url } = await simulator.start()
  stopOnSignals(() => void simulator.stop().then(() => process.exit(0)))
  console.log(`Simulator ${asked.namespace} (no real provider) listens on ${url}`)
  process.send?.({ type: 'ready', url })
}
