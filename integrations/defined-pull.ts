import type { z } from 'zod'
import type { Integration } from '../provider-kit/definition/define.js'
import { type LocalConfig, type ProviderConfig, providerEndpoint } from '../provider-kit/provider/config.js'
import type { PullIntegrationDefinition, PullIntegrationOptions } from './pull-definition.js'

/** How an application runs its definitions, in addition to the sections of the configuration. */
export interface DefinedOptions
  extends Pick<PullIntegrationOptions<never>, 'mainUrl' | 'maxAttempts' | 'stuckTimeoutSeconds' | 'runs' | 'webhooks'> {
  /** Whether users' URLs may lead to private networks, as with simulators. */
  allowPrivateUrls: boolean
}

/** What a pull integration needs: its definition, and this application's options. */
export interface DefinedPull {
  pull: PullIntegrationDefinition<z.ZodObject, z.ZodType>
  options: Omit<PullIntegrationOptions<never>, 'source'>
}

/** Combines a definition and its section of the configuration, for main and the daemon. */
export function definedPull(
  definition: Integration,
  section: LocalConfig & Partial<ProviderConfig> & { pollSeconds?: number },
  { allowPrivateUrls, ...options }: DefinedOptions,
): DefinedPull {
  const { name, entityPrefix, workflowName, resultSchema, takesCallbacks } = definition
  const { enabled, pollSeconds, userUrlHosts = [], requestsPerMinute } = section
  const { maxTasksInFlight, maxTasksInFlightPerUser, maxOpenTasksPerUser, prices, budget, budgetPerUser } = section
  const pull = {
    name,
    entityPrefix,
    workflowName,
    reportAPIName: `report${entityPrefix}Result`,
    ...(takesCallbacks !== undefined && {
      manualHandles: { queryAPIName: `query${entityPrefix}Status`, takesCallbacks },
    }),
    requestSchema: definition.requestSchema({ allowPrivateUrls, userUrlHosts }),
    resultSchema,
  }
  const limits = { maxTasksInFlight, maxTasksInFlightPerUser, maxOpenTasksPerUser, requestsPerMinute }
  const money = { prices, budget, budgetPerUser }
  // A simulator costs nothing, so that its requests may be cut off.
  const isProvider = section.simulatorUrl !== undefined && !providerEndpoint(section as ProviderConfig).simulated
  const requestTimeoutMs = isProvider ? section.requestTimeoutMs : undefined
  return { pull, options: { ...options, enabled, ...limits, ...money, requestTimeoutMs, pollSeconds } }
}
