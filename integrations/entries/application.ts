/** Which integrations this application runs, and how they meet its own entities. */
import type { AppConfig } from '../../config.js'
import { type ProviderConfig, providerEndpoint } from '../../provider-kit/provider/config.js'
import { createFangzhouVideoGenerationIntegration } from '../fangzhouVideoGeneration/index.js'
import { createAggregatedIntegration } from '../index.js'
import { createNanobanana2ImageGenerationIntegration } from '../nanobanana2ImageGeneration/index.js'
import type { PullIntegrationOptions, TaskSource } from '../pull-integration.js'
import { createTestAsyncTaskIntegration } from '../test-async-task/index.js'

/**
 * Makes the application's integration class for a configuration.
 *
 * @param runs how main reaches the runs of its tasks; the daemon does without
 */
export function createApplicationIntegrations(
  { mode, components: { main }, integrations }: AppConfig,
  runs?: PullIntegrationOptions<unknown>['runs'],
) {
  const shared = { mainUrl: main.url, ...main.tasks, ...(runs && { runs }) }
  // Elsewhere simulators may stand in, which are as private as what they are asked to fetch.
  const urls = { allowPrivateUrls: mode !== 'prod' }
  return createAggregatedIntegration({
    fangzhouVideoGeneration: createFangzhouVideoGenerationIntegration({
      ...shared,
      ...urls,
      userUrlHosts: integrations.fangzhouVideoGeneration.userUrlHosts,
      ...limits(integrations.fangzhouVideoGeneration),
      ...requests(integrations.fangzhouVideoGeneration),
      pollSeconds: integrations.fangzhouVideoGeneration.pollSeconds,
      source: promptSource('VideoGeneration', 'video'),
    }),
    nanobanana2ImageGeneration: createNanobanana2ImageGenerationIntegration({
      ...shared,
      ...urls,
      userUrlHosts: integrations.nanobanana2ImageGeneration.userUrlHosts,
      ...limits(integrations.nanobanana2ImageGeneration),
      ...requests(integrations.nanobanana2ImageGeneration),
      source: promptSource('ImageGeneration', 'image'),
    }),
    testAsyncTask: createTestAsyncTaskIntegration({
      ...shared,
      ...limits(integrations.testAsyncTask),
      source: {
        entityName: 'TestTask',
        toRequestParams: (record) => ({ ...(record.options as object) }),
        dueAtProperty: 'dueAt',
        userProperty: 'userId',
        api: { namespace: 'test', createName: 'run', toRecord: (options) => ({ options }) },
      },
    }),
  })
}

/** What an integration's section of the configuration says of its tasks. */
function limits({
  enabled,
  maxTasksInFlight,
  maxOpenTasksPerUser,
}: Pick<ProviderConfig, 'enabled' | 'maxTasksInFlight' | 'maxOpenTasksPerUser'>) {
  return { enabled, maxTasksInFlight, maxOpenTasksPerUser }
}

/** What it says of requests to its provider. What is cut off at a simulator has cost nothing. */
function requests(section: ProviderConfig) {
  const { requestsPerMinute, requestTimeoutMs } = section
  return { requestsPerMinute, requestTimeoutMs: providerEndpoint(section).simulated ? undefined : requestTimeoutMs }
}

/** Records that keep the prompt, if there is one, in a column of its own, and the rest of the request as `options`. */
function promptSource<Params extends { prompt?: string | undefined }>(
  entityName: string,
  namespace: string,
): TaskSource<Params> {
  return {
    entityName,
    toRequestParams: ({ prompt, options }) =>
      ({ ...(typeof prompt === 'string' && { prompt }), ...(options as object) }) as Params,
    dueAtProperty: 'dueAt',
    userProperty: 'userId',
    api: {
      namespace,
      createName: 'generate',
      toRecord: ({ prompt, ...options }) => ({ prompt, options }),
    },
  }
}
