import { z } from 'zod'
import { booleanFromText, numberFromText } from '../../lib/from-text.js'
import { hostsSchema } from '../../lib/public-url.js'

/**
 * Where a paid provider is reached. With no `apiKey` the provider's simulator stands in, at `simulatorUrl`:
 * for trying things out, never in production. An integration adds its own settings with `safeExtend`.
 */
export const providerConfigSchema = z
  .strictObject({
    enabled: booleanFromText.default(true),
    apiKey: z.string().min(1).optional(),
    baseUrl: z.url().optional(),
    /** The provider's model id. There is no default: models retire. Needed with a key. */
    model: z.string().min(1).optional(),
    simulatorUrl: z.url(),
    /**
     * Hosts whose links to results are followed though they lie in a private network: the provider's private storage.
     * In the environment separated by commas. Default: public addresses only, and where `baseUrl` leads.
     */
    downloadHosts: hostsSchema.default([]),
    /**
     * Hosts that users' URLs may name though they lead to a private network, from where the provider, say a gateway
     * there, can fetch. In the environment separated by commas. Default: none.
     */
    userUrlHosts: hostsSchema.default([]),
    /** Most tasks in flight at once; the others wait as pending. With 0 nothing is claimed. Default: any number. */
    maxTasksInFlight: numberFromText(z.number().int().min(0)).optional(),
    /** Most tasks that one user may have open, which are those that have not ended. Default: any number. */
    maxOpenTasksPerUser: numberFromText(z.number().int().min(1)).optional(),
    /** Most requests a minute that all daemons together may send. Default: any number. */
    requestsPerMinute: numberFromText(z.number().min(1)).optional(),
    /** How long one request may take, in milliseconds. */
    requestTimeoutMs: numberFromText(z.number().int().min(100).max(600_000)).default(60_000),
    /** How long one attempt may take before it is given up, in seconds. At most two days. Default an hour. */
    deadlineSeconds: numberFromText(z.number().int().min(10).max(172_800)).default(3600),
  })
  .superRefine((section, context) => {
    if (section.apiKey === undefined) return
    for (const field of ['baseUrl', 'model'] as const) {
      if (section[field] === undefined) {
        context.addIssue({ code: 'custom', path: [field], message: `is needed when apiKey is set: give ${field}` })
      }
    }
  })

export type ProviderConfig = z.infer<typeof providerConfigSchema>

/** The provider, or the simulator in its place. */
export interface ProviderEndpoint {
  baseUrl: string
  apiKey: string
  model: string
  requestTimeoutMs: number
  simulated: boolean
  /** The command that starts the simulator; absent where the provider itself is reached. */
  simulatorCommand?: string
}

/** What simulators are given in a key's place. No word of anybody's: it may stand in no message by chance. */
export const SIMULATOR_KEY = 'no-key-is-configured'

/**
 * Picks the provider if there is a key for it, else its simulator.
 *
 * @param simulator the simulator's name, for those who are to start it
 */
export function providerEndpoint(config: ProviderConfig, simulator?: string): ProviderEndpoint {
  const { apiKey, baseUrl, model, simulatorUrl, requestTimeoutMs } = config
  if (apiKey !== undefined && baseUrl !== undefined && model !== undefined) {
    return { baseUrl, apiKey, model, requestTimeoutMs, simulated: false }
  }
  const { port } = new URL(simulatorUrl)
  return {
    baseUrl: simulatorUrl,
    apiKey: SIMULATOR_KEY,
    model: model ?? 'simulator',
    requestTimeoutMs,
    simulated: true,
    ...(simulator && { simulatorCommand: `npm run simulator -- ${simulator}${port && ` --port ${port}`}` }),
  }
}
