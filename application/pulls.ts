/** An application's integrations, by its configuration: as the daemon has them. */
import type { AppConfig } from '../config/schema.js'
import { type DefinedOptions, type DefinedPull, definedPull } from '../integrations/defined-pull.js'
import type { IIntegration } from '../integrations/index.js'
import { pullModeOf } from '../integrations/pull-mode.js'
import type { Integration } from '../provider-kit/definition/define.js'
import type { Application } from './define.js'

type ApplicationPull = DefinedPull & { namespace: string; definition: Integration }

export function applicationPulls(
  { integrations }: Pick<Application, 'integrations'>,
  { mode, components: { main }, integrations: sections }: AppConfig,
  runs?: DefinedOptions['runs'],
): ApplicationPull[] {
  // Elsewhere simulators may stand in, which are as private as what they are asked to fetch.
  const { secret, privateHosts } = main.webhooks
  const webhooks = secret === undefined ? undefined : { privateHosts }
  const shared = {
    mainUrl: main.url,
    ...main.tasks,
    ...(runs && { runs }),
    webhooks,
    allowPrivateUrls: mode !== 'prod',
  }
  return Object.values(integrations).map((definition) => {
    const { namespace } = definition
    const section = sections[namespace]
    if (section === undefined) throw new TypeError(`The configuration has no section integrations.${namespace}`)
    return { namespace, definition, ...definedPull(definition, section, shared) }
  })
}

/** What of each integration the task processor goes by. */
export function applicationPullModes(application: Pick<Application, 'integrations'>, config: AppConfig) {
  return applicationPulls(application, config).map(({ namespace, pull, options }) => {
    const integration: Pick<IIntegration, 'getPullModeConfig'> = {
      getPullModeConfig: () => pullModeOf(namespace, pull, options),
    }
    return { namespace, integration }
  })
}
