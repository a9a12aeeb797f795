import type { ConfigProblem } from './config-error.js'
import type { Component } from './modes.js'
import type { AppConfig } from './schema.js'

/**
 * What a deployment requires and one machine does not. Each component is checked only for what it uses, so that main
 * does not need the providers' keys.
 */
export function deploymentProblems(config: AppConfig, components: readonly Component[]): ConfigProblem[] {
  const problems = components.flatMap((component) => missingToken(config, component))
  if (config.mode !== 'prod') return problems

  problems.push(...missingPublicUrl(config))
  if (components.includes('main')) problems.push(...missingDatabase(config))
  if (components.includes('asyncTask')) problems.push(...missingKeys(config))
  return problems
}

/** Two machines that generate a token each never agree. */
function missingToken({ mode, components }: AppConfig, component: Component): ConfigProblem[] {
  if (components[component].internalApiToken !== undefined) return []
  return [
    {
      path: `components.${component}.internalApiToken`,
      message: `is needed in mode ${mode}: only in mode local is one made up`,
      remedy: 'Set INTERNAL_API_TOKEN to the same random text, 16 characters or more, for main and the daemon.',
    },
  ]
}

/** Main's OpenAPI document names it, and the daemon's results contain links that begin with it. */
function missingPublicUrl({ components: { main } }: AppConfig): ConfigProblem[] {
  if (main.publicUrl !== undefined) return []
  return [
    {
      path: 'components.main.publicUrl',
      message: 'is needed in production: links to results begin with it',
      remedy: 'Set MAIN_PUBLIC_URL, for main and the daemon, to where people reach main, as https://app.example.org.',
    },
  ]
}

function missingDatabase({ components: { main } }: AppConfig): ConfigProblem[] {
  if (main.database.url !== undefined) return []
  return [
    {
      path: 'components.main.database.url',
      message: 'is needed in production: without it the data would end with the container',
      remedy: 'Set DATABASE_URL to the URL of a PostgreSQL database.',
    },
  ]
}

function missingKeys({ integrations }: AppConfig): ConfigProblem[] {
  return Object.entries(integrations).flatMap(([name, section]) => {
    if (!section.enabled || section.simulatorUrl === undefined || section.apiKey !== undefined) return []
    return [
      {
        path: `integrations.${name}.apiKey`,
        message: 'is needed in production, where no simulator stands in for a provider',
        remedy: `Give the provider's key, or set integrations.${name}.enabled to false.`,
      },
    ]
  })
}
