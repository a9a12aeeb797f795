/** `async-task simulator`: what an integration brings to stand in for its provider, in a process of its own. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import type { Application } from '../application/define.js'
import { stopOnSignals } from '../lib/stop-on-signals.js'

/** What `simulator.ts` of an integration exports. */
interface SimulatorModule {
  createSimulator(options: { port: number }): { start(): Promise<{ url: string }>; stop(): Promise<void> }
}

export async function runSimulator({ integrations, integrationsPath }: Application, args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options: { port: { type: 'string' } } })
  const fileOf = (folder: string) =>
    ['simulator.js', 'simulator.ts'].map((file) => join(integrationsPath, folder, file)).find(existsSync)
  const found = Object.values(integrations).flatMap(({ name, namespace, template }) => {
    const file = fileOf(name)
    return file ? [{ namespace, file, url: /:-(.+)\}$/.exec(template.simulatorUrl ?? '')?.[1] }] : []
  })
  const asked = found.find(({ namespace }) => namespace === positionals[0])
  const port = Number(values.port ?? (asked?.url === undefined ? 0 : new URL(asked.url).port))
  if (!asked || !Number.isInteger(port)) {
    const names = found.map(({ namespace }) => namespace).join(' | ') || 'none: no integration has a simulator.ts'
    throw Object.assign(new Error(`async-task simulator <${names}> [--port <port>]`), { code: 'USAGE' })
  }
  const { createSimulator } = (await import(pathToFileURL(asked.file).href)) as SimulatorModule
  const simulator = createSimulator({ port })
  const { url } = await simulator.start()
  stopOnSignals(() => void simulator.stop().then(() => process.exit(0)))
  console.log(`Simulator ${asked.namespace} (no real provider) listens on ${url}`)
  process.send?.({ type: 'ready', url })
}
