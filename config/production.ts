import type { ConfigProblem } from './config-error.js'
import type { Component } from './modes.js'
import type { AppConfig } from './schema.js'

/**
 * What a deployment (`dev`, `prod`) requires and one machine does not. Each component is checked only for what it uses,
 * so that main does not need the providers' keys.
 */
export function deploymentProblems(config: AppConfig, running: readonly Component[]): ConfigProblem[] {
  const { mode, components, integrations } = config
  const { publicUrl, database, auth, allowAnonymous } = components.main
  const problems: ConfigProblem[] = []
  const need = (path: string, message: string, remedy: string) => problems.push({ path, message, remedy })

  // Anonymous callers may spend money only if somebody has allowed it.
  if (running.includes('main') && auth.mode === 'anonymous' && !allowAnonymous) {
    need(
      'components.main.auth.mode',
      `lets everybody ask for tasks and see them, which mode ${mode} does only when told to`,
      'Set AUTH_JWKS_URL or AUTH_JWT_SECRET (mode jwt), API_TOKENS (mode tokens), or AUTH_MODE=application; or ALLOW_ANONYMOUS=true where everybody is meant.',
    )
  }
  // Two machines that generate a token each never agree.
  for (const component of running.filter((one) => components[one].internalApiToken === undefined)) {
    need(
      `components.${component}.internalApiToken`,
      `is needed in mode ${mode}: only in mode local is one made up`,
      'Set INTERNAL_API_TOKEN to the same random text, 16 characters or more, for main and the daemon.',
    )
  }
  if (mode !== 'prod') return problems

  // Main's OpenAPI document names it, and the daemon's results contain links that begin with it.
  if (publicUrl === undefined) {
    need(
      'components.main.publicUrl',
      'is needed in production: links to results begin with it',
      'Set MAIN_PUBLIC_URL, for main and the daemon, to where people reach main, as https://app.example.org.',
    )
  }
  if (running.includes('main') && database.url === undefined) {
    need(
      'components.main.database.url',
      'is needed in production: without it the data would end with the container',
      'Set DATABASE_URL to the URL of a PostgreSQL database.',
    )
  }
  for (const [name, section] of Object.entries(running.includes('asyncTask') ? integrations : {})) {
    if (!section.enabled || section.simulatorUrl === undefined || section.apiKey !== undefined) continue
    need(
      `integrations.${name}.apiKey`,
      'is needed in production, where no simulator stands in for a provider',
      `Give the provider's key, or set integrations.${name}.enabled to false.`,
    )
  }
  return problems
}
