import type { ConfigProblem } from './config-error.js'
import type { AppConfig } from './schema.js'

/** The two processes of an application. */
export const COMPONENTS = ['main', 'asyncTask'] as const
export type Component = (typeof COMPONENTS)[number]

/**
 * What development does without and production does not: real tokens and real providers. Each component is
 * asked only for what it uses, so that main need not be given the providers' keys.
 */
export function productionProblems(config: AppConfig, components: readonly Component[]): ConfigProblem[] {
  const problems: ConfigProblem[] = []
  for (const component of components) {
    if (config.components[component].internalApiToken === undefined) {
      problems.push({
        path: `components.${component}.internalApiToken`,
        message: 'is needed in production',
        remedy: 'Set INTERNAL_API_TOKEN to the same random text, 16 characters or more, for main and the daemon.',
      })
    }
  }
  if (!components.includes('asyncTask')) return problems

  for (const [name, section] of Object.entries(config.integrations)) {
    if (!section.enabled || !('simulatorUrl' in section) || section.apiKey !== undefined) continue
    problems.push({
      path: `integrations.${name}.apiKey`,
      message: 'is needed in production, where no simulator stands in for a provider',
      remedy: `Give the provider's key, or set integrations.${name}.enabled to false.`,
    })
  }
  return problems
}
