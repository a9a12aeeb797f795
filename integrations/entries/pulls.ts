/** This application's integrations, by its configuration: as the daemon has them. */
import type { AppConfig } from '../../config.js'
import type { Integration } from '../../provider-kit/definition/define.js'
import { type DefinedOptions, type DefinedPull, definedPull } from '../defined-pull.js'
import type { IIntegration } from '../index.js'
import { pullModeOf } from '../pull-mode.js'
import * as definitions from './definitions.js'

export type ApplicationPull = DefinedPull & { namespace: string; definition: Integration }

export function applicationPulls(
  { mode, components: { main }, integrations }: AppConfig,
  runs?: DefinedOptions['runs'],
): ApplicationPull[] {
  // Elsewhere simulators may stand in, which are as private as what they are asked to fetch.
  const shared = { mainUrl: main.url, ...main.tasks, ...(runs && { runs }), allowPrivateUrls: mode !== 'prod' }
  return Object.values<Integration>(definitions).map((definition) => {
    const { namespace } = definition
    const section = integrations[namespace as keyof typeof integrations]
    return { namespace, definition, ...definedPull(definition, section, shared) }
  })
}

/** What of each integration the task processor goes by. */
export function applicationPullModes(config: AppConfig) {
  return applicationPulls(config).map(({ namespace, pull, options }) => {
    const integration: Pick<IIntegration, 'getPullModeConfig'> = {
      getPullModeConfig: () => pullModeOf(namespace, pull, options),
    }
    return { namespace, integration }
  })
}
