/** This application's integrations, by its configuration: as main has them. */
import type { AppConfig } from '../../config.js'
import { createDefinedIntegration } from '../defined-integration.js'
import type { DefinedOptions } from '../defined-pull.js'
import { createAggregatedIntegration } from '../index.js'
import { applicationPulls } from './pulls.js'
import { sources } from './sources.js'

/** @param runs how main reaches the runs of its tasks */
export function createApplicationIntegrations(config: AppConfig, runs?: DefinedOptions['runs']) {
  const made = applicationPulls(config, runs).map(({ namespace, definition, ...pull }) => [
    namespace,
    createDefinedIntegration(definition, pull, sources[namespace]),
  ])
  return createAggregatedIntegration(Object.fromEntries(made))
}
