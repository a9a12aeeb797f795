/** The application's integration class for a configuration. */
import type { AppConfig } from '../../config.js'
import type { Integration } from '../../provider-kit/definition/define.js'
import { createDefinedIntegration, type DefinedOptions } from '../defined-integration.js'
import { createAggregatedIntegration } from '../index.js'
import * as definitions from './definitions.js'
import { sources } from './sources.js'

/** @param runs how main reaches the runs of its tasks; the daemon does without */
export function createApplicationIntegrations(
  { mode, components: { main }, integrations }: AppConfig,
  runs?: DefinedOptions['runs'],
) {
  // Elsewhere simulators may stand in, which are as private as what they are asked to fetch.
  const shared = { mainUrl: main.url, ...main.tasks, ...(runs && { runs }), allowPrivateUrls: mode !== 'prod' }
  const made = Object.values<Integration>(definitions).map((definition) => {
    const { namespace } = definition
    const section = integrations[namespace as keyof typeof integrations]
    return [
      namespace,
      createDefinedIntegration(definition, section, { ...shared, source: sources[namespace] }),
    ] as const
  })
  return createAggregatedIntegration(Object.fromEntries(made))
}
