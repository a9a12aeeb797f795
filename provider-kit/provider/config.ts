import { z } from 'zod'
import { fromText } from '../../lib/from-text.js'
import { hostsSchema } from '../../lib/public-url.js'
import { moneyOptions } from './prices.js'

/** Options for which an integration may set the default. */
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

/** The options that every integration has. */
export function localOptions({ maxTasksInFlight }: Defaults = {}) {
  return {
    enabled: fromText(z.boolean()).default(true),
    /** Most tasks in flight at once; the others wait as pending. 0: nothing is claimed. Default: any number. */
    maxTasksInFlight: orNone(fromText(z.int().min(0)), maxTasksInFlight),
    /** Most tasks of one user in flight at once; further ones wait, and others' go first. Default: any number. */
    maxTasksInFlightPerUser: fromText(z.int().min(1)).optional(),
    /** Most open tasks of one user: those that have not ended. Default: any number. */
    maxOpenTasksPerUser: fromText(z.int().min(1)).optional(),
    ...moneyOptions,
  }
}

/**
 * Where a paid provider is reached. Without an `apiKey` the provider's simulator is used, at `simulatorUrl`: for
 * development, never in production.
 */
export function providerOptions(defaults: Defaults = {}) {
  return {
    ...localOptions(defaults),
    apiKey: z.string().min(1).optional(),
    baseUrl: z.url().optional(),
    /** The provider's model id, if it has models. No default, because models are retired. */
    model: z.string().min(1).optional(),
    simulatorUrl: z.url(),
    /**
     * Hosts in private networks that result links may lead to, such as the provider's private storage. Separated by
     * commas in the environment. Default: only public addresses, and `baseUrl`'s origin.
     */
    downloadHosts: hostsSchema.default([]),
    /**
     * Hosts in private networks that users' URLs may name: for a provider that is a gateway there. Separated by commas
     * in the environment. Default: none.
     */
    userUrlHosts: hostsSchema.default([]),
    /** Most requests a minute, over all daemons. Default: any number. */
    requestsPerMinute: orNone(fromText(z.number().min(1)), defaults.requestsPerMinute),
    /** Time-out of one request, in milliseconds. */
    requestTimeoutMs: fromText(z.int().min(100).max(600_000)).default(defaults.requestTimeoutMs ?? 60_000),
    /** Deadline of one attempt, in seconds. At most two days. Default: an hour. */
    deadlineSeconds: fromText(z.int().min(10).max(172_800)).default(defaults.deadlineSeconds ?? 3600),
  }
}

/** For a provider that is polled. */
export function pollingOptions(defaults: Defaults = {}) {
  const seconds = (min: number, max: number) => fromText(z.number().min(min).max(max))
  return {
    /** Time to the first poll of a new task, in seconds. */
    firstPollSeconds: seconds(0, 3600).default(defaults.firstPollSeconds ?? 5),
    /** The shortest pause between two polls, in seconds; a simulator is polled every second. */
    pollSeconds: seconds(1, 600).default(defaults.pollSeconds ?? 10),
    /** The longest pause between two polls, in seconds. */
    maxPollSeconds: seconds(1, 3600).default(defaults.maxPollSeconds ?? 60),
    /**
     * The lookup window, in seconds: if the list does not show a create whose answer was lost for this long after
     * `requestTimeoutMs`, it did not happen. Longer than a worker may be paused, or a request delayed.
     */
    settleSeconds: seconds(1, 3600).default(defaults.settleSeconds ?? 60),
  }
}

/** For a provider that can call back: where it reaches main from outside. Default: it is only polled. */
export const callbackOptions = { callbackBaseUrl: z.url({ protocol: /^https?$/ }).optional() }

/** What happens if a create's answer is lost and the provider cannot be asked whether it created anything. */
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

/** The provider, or its simulator. */
export interface ProviderEndpoint {
  baseUrl: string
  apiKey: string
  model: string
  requestTimeoutMs: number
  simulated: boolean
  /** The command that starts the simulator; absent for the provider itself. */
  simulatorCommand?: string
}

/** The key for simulators. It is unlike any word, so that it occurs in no message by chance. */
export const SIMULATOR_KEY = 'no-key-is-configured'

/**
 * Chooses the provider if there is a key for it, else its simulator.
 *
 * @param simulator the simulator's name, for the command that starts it
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
