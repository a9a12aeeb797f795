/** The application's half of a definition: what main and the daemon run, made of it and of its section. */
import { Entity, Property } from 'interaqt'
import type { Integration } from '../provider-kit/definition/define.js'
import { type LocalConfig, type ProviderConfig, providerEndpoint } from '../provider-kit/provider/config.js'
import type { IIntegrationConstructor, IIntegrationConstructorArgs } from './index.js'
import { createPullIntegration, type PullIntegrationOptions, type TaskSource } from './pull-integration.js'

/** How one application runs a definition; what its section of the configuration says comes beside it. */
export interface DefinedOptions
  extends Pick<PullIntegrationOptions<never>, 'mainUrl' | 'maxAttempts' | 'stuckTimeoutSeconds' | 'runs'> {
  /** The application's entity whose records ask for tasks. Default: one that the definition brings. */
  source?: TaskSource<never> | undefined
  /** Whether users' URLs may lead into private networks: where simulators stand in. */
  allowPrivateUrls: boolean
}

export function createDefinedIntegration(
  definition: Integration,
  section: LocalConfig & Partial<ProviderConfig> & { pollSeconds?: number },
  { source, allowPrivateUrls, ...options }: DefinedOptions,
): IIntegrationConstructor {
  const { name, entityPrefix, workflowName, resultSchema, takesCallbacks } = definition
  const { enabled, maxTasksInFlight, maxOpenTasksPerUser, pollSeconds, requestsPerMinute, userUrlHosts = [] } = section
  const Base = createPullIntegration(
    {
      name,
      entityPrefix,
      workflowName,
      reportAPIName: `report${entityPrefix}Result`,
      ...(takesCallbacks !== undefined && {
        manualHandles: { queryAPIName: `query${entityPrefix}Status`, takesCallbacks },
      }),
      requestSchema: definition.requestSchema({ allowPrivateUrls, userUrlHosts }),
      resultSchema,
    },
    {
      ...options,
      enabled,
      maxTasksInFlight,
      maxOpenTasksPerUser,
      requestsPerMinute,
      requestTimeoutMs: requestTimeoutOf(section),
      pollSeconds,
      source: (source ?? ownSource(definition)) as TaskSource<Record<string, unknown>>,
    },
  )
  if (source) return Base
  return class extends Base {
    constructor(args: IIntegrationConstructorArgs) {
      args.entities.push(ownEntity(definition))
      super(args)
    }
  }
}

/** What is cut off at a simulator has cost nothing. */
function requestTimeoutOf(section: Partial<ProviderConfig>): number | undefined {
  const isProvider = section.simulatorUrl !== undefined && !providerEndpoint(section as ProviderConfig).simulated
  return isProvider ? section.requestTimeoutMs : undefined
}

type Named = Pick<Integration, 'namespace' | 'entityPrefix'>

const entityName = ({ entityPrefix }: Named) => `${entityPrefix}Request`

/** What somebody asked an integration for, where the application has no words of its own for that. */
function ownEntity(definition: Named) {
  return Entity.create({
    name: entityName(definition),
    properties: [
      Property.create({ name: 'request', type: 'object' }),
      Property.create({ name: 'dueAt', type: 'number' }),
      Property.create({ name: 'userId', type: 'string' }),
    ],
  })
}

function ownSource(definition: Named): TaskSource<object> {
  return {
    entityName: entityName(definition),
    toRequestParams: ({ request }) => request as object,
    dueAtProperty: 'dueAt',
    userProperty: 'userId',
    api: { namespace: definition.namespace, createName: 'create', toRecord: (request) => ({ request }) },
  }
}
