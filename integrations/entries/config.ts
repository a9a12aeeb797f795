/** The section of the configuration that each integration of this application brings. */
import { z } from 'zod'
import * as definitions from './definitions.js'

type Definitions = typeof definitions
type Sections = { [Name in keyof Definitions]: Definitions[Name]['config'] }

const all = Object.entries(definitions)
for (const [exported, { name, namespace }] of all) {
  if (exported !== namespace) throw new TypeError(`integrations/${name}: export it as ${namespace}, not as ${exported}`)
}

export const integrationsConfigSchema = z.strictObject(
  Object.fromEntries(all.map(([namespace, { config }]) => [namespace, config])) as unknown as Sections,
)

/** Under the configuration's files: each option, by its name in the environment. */
export const integrationsTemplate: Record<string, Record<string, string>> = Object.fromEntries(
  all.map(([namespace, { template }]) => [namespace, template]),
)
