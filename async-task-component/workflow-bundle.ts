import { fileURLToPath } from 'node:url'
import {
  type BundleOptions,
  bundleWorkflowCode,
  DefaultLogger,
  type WorkflowBundleWithSourceMap,
} from '@temporalio/worker'
import { WorkflowBundleError } from './errors.js'

type WebpackConfigHook = NonNullable<BundleOptions['webpackConfigHook']>

/** Workflow code may import from the repository's root as `@/…`; that `.js` means `.ts` is the SDK's own setting. */
const resolveRootAlias: WebpackConfigHook = (config) => ({
  ...config,
  resolve: {
    ...config.resolve,
    alias: { ...config.resolve?.alias, '@': fileURLToPath(new URL('..', import.meta.url)) },
  },
})

/**
 * Bundles an integration's workflows for the sandbox, its source map inline.
 * @throws WorkflowBundleError with the bundler's own words
 */
export async function bundleWorkflows(workflowsPath: string): Promise<WorkflowBundleWithSourceMap> {
  const complaints: string[] = []
  const logger = new DefaultLogger('ERROR', ({ message }) => complaints.push(message))
  try {
    return await bundleWorkflowCode({ workflowsPath, webpackConfigHook: resolveRootAlias, logger })
  } catch (cause) {
    const message = complaints.join('\n') || (cause instanceof Error ? cause.message : String(cause))
    throw new WorkflowBundleError(`${workflowsPath} cannot be bundled:\n${message}`, { cause })
  }
}
