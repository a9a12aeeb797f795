import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type BundleOptions, bundleWorkflowCode, DefaultLogger } from '@temporalio/worker'
import { WorkflowBundleError } from './errors.js'

type WebpackConfig = Parameters<NonNullable<BundleOptions['webpackConfigHook']>>[0]

export interface WorkflowBundle {
  /** With its source map inline. */
  code: string
  /** The files that went into it, absolute. */
  inputs: string[]
}

/** What makes bundles. */
export const BUNDLER = fileURLToPath(import.meta.url)

/** Bundled with all workflows. Without extension, as that is `.ts` or `.js`. */
const workflowInterceptorModules = [fileURLToPath(new URL('./workflow-spans', import.meta.url))]

/**
 * Bundles an integration's workflows for the sandbox.
 * @throws WorkflowBundleError with the bundler's message
 */
export async function bundleWorkflows(workflowsPath: string): Promise<WorkflowBundle> {
  const complaints: string[] = []
  const logger = new DefaultLogger('ERROR', ({ message }) => complaints.push(message))
  const inputs = new Set<string>()
  const webpackConfigHook = (config: WebpackConfig) => noteInputs(inputs, resolveRootAlias(config))
  try {
    const { code } = await bundleWorkflowCode({ workflowsPath, workflowInterceptorModules, webpackConfigHook, logger })
    // The entry is generated, and never written to disk.
    return { code, inputs: [...inputs].filter(existsSync).sort() }
  } catch (cause) {
    const message = complaints.join('\n') || (cause instanceof Error ? cause.message : String(cause))
    throw new WorkflowBundleError(`${workflowsPath} cannot be bundled:\n${message}`, { cause })
  }
}

/** Workflow code may import from the repository's root as `@/…`; that `.js` means `.ts` is the SDK's own setting. */
function resolveRootAlias(config: WebpackConfig): WebpackConfig {
  const alias = { ...config.resolve?.alias, '@': fileURLToPath(new URL('..', import.meta.url)) }
  return { ...config, resolve: { ...config.resolve, alias } }
}

function noteInputs(inputs: Set<string>, config: WebpackConfig): WebpackConfig {
  const noting: NonNullable<WebpackConfig['plugins']>[number] = (compiler) =>
    compiler.hooks.afterCompile.tap('inputs', ({ fileDependencies }) => {
      for (const file of fileDependencies) inputs.add(file)
    })
  return { ...config, plugins: [...(config.plugins ?? []), noting] }
}
