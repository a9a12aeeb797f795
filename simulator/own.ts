/** What the integrations of an application bring to stand in for their providers: `integrations/<name>/simulator.ts`. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Integration } from '../provider-kit/definition/define.js'
import type { Simulator, SimulatorOptions } from './simulator.js'

/** Of an application. */
interface Integrations {
  integrations: Readonly<Record<string, Pick<Integration, 'name' | 'namespace' | 'template'>>>
  /** The folder that has one folder for each of them. */
  integrationsPath: string
}

/** The exports of an integration's `simulator.ts`. */
interface SimulatorModule {
  createSimulator(options: SimulatorOptions): Simulator
}

export interface OwnSimulator {
  namespace: string
  /** Where the integration expects it by default, and the variable that says otherwise. */
  url: URL
  variable: string
  load(): Promise<SimulatorModule>
}

/** Lists those of them that say where they expect it. Loads none. */
export function ownSimulators({ integrations, integrationsPath }: Integrations): OwnSimulator[] {
  return Object.values(integrations).flatMap(({ name, namespace, template }) => {
    const files = ['simulator.js', 'simulator.ts'].map((file) => join(integrationsPath, name, file))
    const file = files.find(existsSync)
    const [, variable, url] = /^\$\{(\w+):-(.+)\}$/.exec(template.simulatorUrl ?? '') ?? []
    if (!variable || !url || !file) return []
    const load = async () => (await import(pathToFileURL(file).href)) as SimulatorModule
    return [{ namespace, url: new URL(url), variable, load }]
  })
}
