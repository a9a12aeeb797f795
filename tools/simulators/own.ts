/** The integrations' own simulators: every `integrations/<name>/simulator.ts`. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import * as definitions from '../../integrations/entries/definitions.js'
import type { Integration } from '../../provider-kit/definition/define.js'
import type { Simulator, SimulatorOptions } from '../../simulator/simulator.js'

const INTEGRATIONS = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'integrations')

/** The exports of an integration's `simulator.ts`. */
export interface OwnSimulator {
  createSimulator(options: SimulatorOptions): Simulator
}

export interface OwnSimulatorFile {
  name: string
  file: string
  /** Where the integration expects it by default, and the variable that says otherwise. */
  url: URL
  variable: string
}

/** Lists those of the application's integrations, or of others. */
export function ownSimulators(
  integrations: Array<Pick<Integration, 'name' | 'namespace' | 'template'>> = Object.values<Integration>(definitions),
  folder = INTEGRATIONS,
): OwnSimulatorFile[] {
  return integrations.flatMap(({ name, namespace, template }) => {
    const file = join(folder, name, 'simulator.ts')
    const [, variable, url] = /^\$\{(\w+):-(.+)\}$/.exec(template.simulatorUrl ?? '') ?? []
    return variable && url && existsSync(file) ? [{ name: namespace, file, url: new URL(url), variable }] : []
  })
}

/** Loads one of them. */
export async function loadSimulator({ file }: OwnSimulatorFile): Promise<OwnSimulator> {
  return (await import(pathToFileURL(file).href)) as OwnSimulator
}
