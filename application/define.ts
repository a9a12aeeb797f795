/** An application as this product sees it: its integrations, where they are, and what main adds to its model. */
import { fileURLToPath } from 'node:url'
import type { MiddlewareHandler } from 'hono'
import type {
  ActivityInstance,
  DictionaryInstance,
  EntityInstance,
  InteractionInstance,
  RelationInstance,
} from 'interaqt'
import { z } from 'zod'
import { type LoadConfigOptions, readConfig } from '../config/read.js'
import type { AppConfig, Section } from '../config/schema.js'
import type { TaskSource } from '../integrations/pull-integration.js'
import { OPERATOR_NAMESPACE } from '../protocol/names.js'
import type { Integration } from '../provider-kit/definition/define.js'

/** What main has beside its integrations. The daemon never loads it. */
export interface ApplicationModel {
  entities?: readonly EntityInstance[]
  relations?: readonly RelationInstance[]
  interactions?: readonly InteractionInstance[]
  activities?: readonly ActivityInstance[]
  dicts?: readonly DictionaryInstance[]
  /** Which of its entities ask for tasks, by integration. One without a source here brings an entity of its own. */
  sources?: Readonly<Record<string, TaskSource<object>>>
  /** What every request to `/api` goes through. In the auth mode `application`, one of them sets `user`. */
  middlewares?: readonly MiddlewareHandler[]
}

export type Definitions = Readonly<Record<string, Integration>>

type Sections<Defined extends Definitions> = { [Name in keyof Defined]: z.output<Defined[Name]['config']> }

export interface Application<Defined extends Definitions = Definitions, S = Record<string, Section>> {
  integrations: Defined
  /** The folder that has one folder for each of them. */
  integrationsPath: string
  model(): Promise<ApplicationModel>
  /** The schema of the configuration's `integrations`. */
  sections: z.ZodType<S>
  /** Under the configuration's files: each option, by its name in the environment. */
  template: Record<string, Record<string, string>>
  /** @throws ConfigError with every problem, where it is, and its remedy */
  loadConfig(options?: LoadConfigOptions): AppConfig<S>
}

/** Makes an application, which its entries, its migration and its configuration go by. */
export function defineApplication<Defined extends Definitions>(definition: {
  /** By name, as `{ acmeSpeech }`. */
  integrations: Defined
  /** The folder that has one folder for each of them, as `new URL('./integrations/', import.meta.url)`. */
  folder: URL
  /** Imports what only main needs, as `() => import('./model.js')`. */
  model?: () => Promise<ApplicationModel>
}): Application<Defined, Sections<Defined>> {
  const { integrations, folder, model = async () => ({}) } = definition
  const all = Object.entries<Integration>(integrations)
  for (const [exported, { name, namespace }] of all) {
    if (exported !== namespace)
      throw new TypeError(`integrations/${name}: export it as ${namespace}, not as ${exported}`)
    if (namespace === OPERATOR_NAMESPACE)
      throw new TypeError(
        `integrations/${name}: ${namespace} is where the operators’ APIs are; choose another namespace`,
      )
  }
  const sections = z.strictObject(
    Object.fromEntries(all.map(([namespace, { config }]) => [namespace, config])),
  ) as unknown as z.ZodType<Sections<Defined>>
  const template = Object.fromEntries(all.map(([namespace, integration]) => [namespace, integration.template]))
  return {
    integrations,
    integrationsPath: fileURLToPath(folder),
    model,
    sections,
    template,
    loadConfig: (options) => readConfig(sections, template, options),
  }
}
