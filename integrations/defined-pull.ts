import type { z } from 'zod'
import type { Integration } from '../provider-kit/definition/define.js'
import { type LocalConfig, type ProviderConfig, providerEndpoint } from '../provider-kit/provider/config.js'
import type { PullIntegrationDefinition, PullIntegrationOptions } from './pull-definition.js'

/** How one application runs its definitions; what a section of the configuration says comes beside it. */
export interface DefinedOptions
  extends Pick<PullIntegrationOptions<never>, 'mainUrl' | 'maxAttempts' | 'stuckTimeoutSeconds' | 'runs' | 'webhooks'> {
  /** Whether users' URLs may lead into private networks: where simulators stand in. */
  allowPrivateUrls: boolean
}

/** What a pull integration needs: of itself, and of how this application runs it. */
export interface DefinedPull {
  pull: PullIntegrationDefinition<z.ZodObject, z.ZodType>
  options: Omit<PullIntegrationOptions<never>, 'source'>
}

/** Makes of a definition, and of its section of the configuration, what main and the daemon both go by. */
export function definedPull(
  definition: Integration,
  section: LocalConfig & Partial<ProviderConfig> & { pollSeconds?: number },
  { allowPrivateUrls, ...options }: DefinedOptions,
): DefinedPull {
  const { name, entityPrefix, workflowName, resultSchema, takesCallbacks } = definition
  const { enabled, maxTasksInFlight, maxOpenTasksPerUser, pollSeconds, requestsPerMinute, userUrlHosts = [] } = section
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
  const limits = { maxTasksInFlight, maxOpenTasksPerUser, requestsPerMinute }
  const requestTimeoutMs = requestTimeoutOf(section)
  return { pull, options: { ...options, enabled, ...limits, requestTimeoutMs, pollSeconds } }
}

/** What is cut off at a simulator has cost nothing. */
function requestTimeoutOf(section: Partial<ProviderConfig>): number | undefined {
  const isProvider = section.simulatorUrl !== undefined && !providerEndpoint(section as ProviderConfig).simulated
  return isProvider ? section.requestTimeoutMs : undefined
}
