/** An application's integrations, by its configuration: as main has them. */
import type { AppConfig } from '../config/schema.js'
import { createDefinedIntegration } from '../integrations/defined-integration.js'
import type { DefinedOptions } from '../integrations/defined-pull.js'
import { createAggregatedIntegration } from '../integrations/index.js'
import type { Application, ApplicationModel } from './define.js'
import { applicationPulls } from './pulls.js'

/**
 * @param sources which of the application's entities ask for tasks
 * @param runs how main reaches the runs of its tasks
 */
export function createApplicationIntegrations(
  application: Pick<Application, 'integrations'>,
  sources: ApplicationModel['sources'],
  config: AppConfig,
  runs?: DefinedOptions['runs'],
) {
  const made = applicationPulls(application, config, runs).map(({ namespace, definition, ...pull }) => [
    namespace,
    createDefinedIntegration(definition, pull, sources?.[namespace]),
  ])
  return createAggregatedIntegration(Object.fromEntries(made))
}
