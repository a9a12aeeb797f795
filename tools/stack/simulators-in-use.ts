/** The simulators that are used for providers without a configured key. */
import type { AppConfig } from '../../config.js'
import * as definitions from '../../integrations/entries/definitions.js'
import type { Integration, ProviderConfig } from '../../package/index.js'

export interface SimulatorInUse {
  integration: string
  /** Its name, as in `npm run simulator -- <name>`. */
  simulator: string
  /** Where the integration expects it. */
  url: string
}

export function simulatorsInUse(integrations: AppConfig['integrations']): SimulatorInUse[] {
  return Object.values<Integration>(definitions).flatMap(({ namespace: integration, simulatorIn }) => {
    const section = integrations[integration as keyof typeof integrations] as ProviderConfig
    const simulator = section.enabled && section.apiKey === undefined ? simulatorIn(section as never) : undefined
    return simulator ? { integration, simulator: simulator.name, url: simulator.url } : []
  })
}
