import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { integrationTaskQueue } from '../protocol/names.js'
import { ConfigurationError } from './errors.js'
import type { IntegrationWorkflowInfo } from './types.js'

const DEFAULT_BLACKLIST = ['example_', 'kafka.old', 'docs']

/**
 * The integrations that have workflows: the folders under `integrationsPath` with a `workflows/index`,
 * sorted by name.
 *
 * @param blacklist folders to skip; an entry that ends in `_` is a prefix
 * @throws ConfigurationError where the path is no folder, or two folders would share a task queue
 */
export async function collectIntegrationWorkflows(
  integrationsPath: string,
  blacklist: readonly string[] = DEFAULT_BLACKLIST,
): Promise<IntegrationWorkflowInfo[]> {
  const root = resolve(integrationsPath)
  const entries = await readdir(root, { withFileTypes: true }).catch((cause: unknown) => {
    throw new ConfigurationError(`The integrations folder ${root} cannot be read`, { cause })
  })
  const names = entries
    .filter((entry) => entry.isDirectory() && !isBlacklisted(entry.name, blacklist))
    .map((entry) => entry.name)
    .sort()

  const infos = (await Promise.all(names.map((name) => collectOne(root, name)))).filter((info) => info !== null)
  assertQueuesDiffer(infos)
  return infos
}

function isBlacklisted(name: string, blacklist: readonly string[]): boolean {
  return blacklist.some((entry) => (entry.endsWith('_') ? name.startsWith(entry) : name === entry))
}

async function collectOne(root: string, name: string): Promise<IntegrationWorkflowInfo | null> {
  const workflowsPath = indexModule(join(root, name, 'workflows'))
  if (workflowsPath === null) return null
  return {
    name,
    taskQueue: integrationTaskQueue(name),
    workflowsPath,
    activitiesPath: indexModule(join(root, name, 'activities')),
    ...(await workflowNames(workflowsPath)),
  }
}

/** From source there is an `index.ts`, in a build an `index.js`. */
function indexModule(folder: string): string | null {
  return ['index.ts', 'index.js'].map((file) => join(folder, file)).find((path) => existsSync(path)) ?? null
}

/** Workflow code is deterministic and starts nothing when loaded, so loading it here is safe. */
async function workflowNames(path: string): Promise<Pick<IntegrationWorkflowInfo, 'workflowNames' | 'loadError'>> {
  try {
    const workflows = (await import(pathToFileURL(path).href)) as Record<string, unknown>
    const names = Object.keys(workflows).filter((key) => typeof workflows[key] === 'function')
    return { workflowNames: names.sort() }
  } catch (error) {
    const loadError = error instanceof Error ? error : new Error(String(error))
    return { workflowNames: null, loadError }
  }
}

function assertQueuesDiffer(infos: IntegrationWorkflowInfo[]): void {
  for (const [index, info] of infos.entries()) {
    const twin = infos.slice(0, index).find((other) => other.taskQueue === info.taskQueue)
    if (twin) {
      throw new ConfigurationError(
        `Integrations ${twin.name} and ${info.name} would share the task queue ${info.taskQueue}: rename one of them`,
      )
    }
  }
}
