import { z } from 'zod'
import { booleanFromText, numberFromText } from '../../lib/from-text.js'
import { hostsSchema } from '../../lib/public-url.js'

/** Options whose default an integration may choose. */
export interface Defaults {
  requestTimeoutMs?: number
  deadlineSeconds?: number
  maxTasksInFlight?: number
  requestsPerMinute?: number
  firstPollSeconds?: number
  pollSeconds?: number
  maxPollSeconds?: number
  settleSeconds?: number
}

/** What every integration has in its section. */
export function localOptions({ maxTasksInFlight }: Defaults = {}) {
  return {
    enabled: booleanFromText.default(true),
    /** Most tasks in flight at once; the others wait as pending. With 0 nothing is claimed. Default: any number. */
    maxTasksInFlight: orNone(numberFromText(z.number().int().min(0)), maxTasksInFlight),
    /** Most tasks that one user may have open, which are those that have not ended. Default: any number. */
    maxOpenTasksPerUser: numberFromText(z.number().int().min(1)).optional(),
  }
}

/**
 * Where a paid provider is reached. With no `apiKey` the provider's simulator stands in, at `simulatorUrl`:
 * for trying things out, never in production.
 */
export function providerOptions(defaults: Defaults = {}) {
  return {
    ...localOptions(defaults),
    apiKey: z.string().min(1).optional(),
    baseUrl: z.url().optional(),
    /** The provider's model id, where it has models. There is no default: models retire. */
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
    /** Most requests a minute that all daemons together may send. Default: any number. */
    requestsPerMinute: orNone(numberFromText(z.number().min(1)), defaults.requestsPerMinute),
    /** How long one request may take, in milliseconds. */
    requestTimeoutMs: numberFromText(z.number().int().min(100).max(600_000)).default(
      defaults.requestTimeoutMs ?? 60_000,
    ),
    /** How long one attempt may take before it is given up, in seconds. At most two days. Default an hour. */
    deadlineSeconds: numberFromText(z.number().int().min(10).max(172_800)).default(defaults.deadlineSeconds ?? 3600),
  }
}

/** Of a provider that is asked again and again how far it is. */
export function pollingOptions(defaults: Defaults = {}) {
  const seconds = (min: number, max: number) => numberFromText(z.number().min(min).max(max))
  return {
    /** When a new task is first looked at, in seconds. */
    firstPollSeconds: seconds(0, 3600).default(defaults.firstPollSeconds ?? 5),
    /** The shortest pause between two looks, in seconds; a simulator is always asked every second. */
    pollSeconds: seconds(1, 600).default(defaults.pollSeconds ?? 10),
    /** The longest pause between two looks, in seconds. */
    maxPollSeconds: seconds(1, 3600).default(defaults.maxPollSeconds ?? 60),
    /**
     * A create whose answer was lost is believed not to have happened once the list lacks it for so long after
     * `requestTimeoutMs`, in seconds. Longer than any worker may be paused, or request delayed.
     */
    settleSeconds: seconds(1, 3600).default(defaults.settleSeconds ?? 60),
  }
}

/** Of a provider that can be told to call back: where it reaches main from outside. Default: it is only polled. */
export const callbackOptions = { callbackBaseUrl: z.url({ protocol: /^https?$/ }).optional() }

/** What becomes of a task of which nobody can ask the provider whether it was made, and charged for. */
export const ambiguityOptions = (chosen: 'fail' | 'retry') => ({
  onAmbiguousCreate: z.enum(['fail', 'retry']).default(chosen),
})

function orNone<Schema extends z.ZodType<number>>(schema: Schema, chosen: number | undefined) {
  return (chosen === undefined ? schema.optional() : schema.default(chosen as never)) as z.ZodOptional<Schema>
}

type Options<Shape extends (defaults: Defaults) => z.ZodRawShape> = z.output<z.ZodObject<ReturnType<Shape>>>
export type LocalConfig = Options<typeof localOptions>
export type ProviderConfig = Options<typeof providerOptions> & { onAmbiguousCreate?: 'fail' | 'retry' | undefined }
export type PolledConfig = ProviderConfig & Options<typeof pollingOptions> & { callbackBaseUrl?: string | undefined }

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
  if (apiKey !== undefined && baseUrl !== undefined) {
    return { baseUrl, apiKey, model: model ?? '', requestTimeoutMs, simulated: false }
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
