/** What the workers of a definition are made of: its bundle, its activities, and the context that these get. */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pino from 'pino'
import { createArtifactStore } from '../artifacts/index.js'
import { BundleCache } from '../async-task-component/bundle-cache.js'
import type { Activities, ActivityContext } from '../provider-kit/activity-context.js'
import type { Integration } from '../provider-kit/definition/define.js'
import { createTaskActivities } from '../provider-kit/main-reports.js'
import { createProviderPauses } from '../provider-kit/provider/pauses.js'
import type { Simulator, SimulatorOptions } from '../simulator/index.js'

// biome-ignore lint/suspicious/noExplicitAny: of whatever types.
export type AnyIntegration = Integration<any, any, any, Activities>

export interface DefinitionParts {
  /** Its provider's simulator, where it has a provider. */
  createSimulator?: ((options: SimulatorOptions) => Simulator) | undefined
  /** Of the shape `custom`: its `workflows/index.ts`. */
  workflows?: URL | undefined
  /** What its `activities/index.ts` exports beside `createActivities`. */
  activities?: object | undefined
  /** Options of its section of the configuration, for all tasks. */
  section?: object | undefined
}

export type Bundle = Awaited<ReturnType<BundleCache['bundle']>>

const SHARED = new URL(`../provider-kit/workflow/shared-workflows${extname(import.meta.url)}`, import.meta.url)
const BUNDLES = join(process.cwd(), 'node_modules', '.cache', 'interaqt-async-task')

export async function bundleOf({ name, shape }: AnyIntegration, { workflows }: DefinitionParts): Promise<Bundle> {
  if (shape === 'custom' && !workflows) {
    throw new TypeError(`${name}: it has workflows of its own; give workflows: new URL('…/workflows/index.ts', …)`)
  }
  const path = fileURLToPath(workflows ?? SHARED)
  if (!existsSync(path)) throw new TypeError(`${name}: there is no file ${path}`)
  const hash = createHash('sha256').update(path).digest('hex').slice(0, 12)
  return new BundleCache(BUNDLES).bundle(`${workflows ? name : 'shared-workflows'}-${hash}`, path)
}

export function activitiesOf(definition: AnyIntegration, parts: DefinitionParts, context: ActivityContext): Activities {
  return { ...createTaskActivities(context), ...definition.createActivities(context), ...parts.activities }
}

export function sectionFor(url: string | undefined, apiKey: string | undefined): object {
  if (url === undefined) return {}
  return { simulatorUrl: url, ...(apiKey && { apiKey, baseUrl: url, model: 'a-model' }) }
}

export function contextOf(
  { namespace, config, shape }: AnyIntegration,
  section: object,
  mainUrl: string,
  dir: string,
  internalToken = '',
  logs: string[] = [],
): ActivityContext {
  const nowhere = shape === 'polled' || shape === 'single' ? { simulatorUrl: 'http://127.0.0.1:9' } : {}
  return {
    mainUrl,
    internalToken,
    artifacts: createArtifactStore({ dir }, mainUrl),
    integrations: { [namespace]: config.parse({ ...nowhere, ...section }) },
    providerPauses: createProviderPauses(),
    logger: pino({ level: 'debug' }, { write: (line) => logs.push(line) }),
  }
}
