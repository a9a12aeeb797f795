/** What operators may set for an integration while main runs: pause it, resume it, and limit its tasks in flight. */
import { z } from 'zod'
import { type API, type APIContext, APIError, createAPI } from '../../lib/api.js'
import { bySchema, statedWhySchema, whySchema } from '../../protocol/messages.js'
import {
  changeControl,
  type IntegrationControl,
  pauseSchema,
  type RunTimeLimits,
  readControl,
  runTimeLimits,
} from '../integration-control.js'
import { recordAct, whoActs } from '../operator-acts.js'
import type { TaskStore } from '../task-store.js'
import type { TaskAPIOptions } from './carry-out.js'

const acting = { by: bySchema, reason: whySchema.optional() }
const limitSchema = z.object({
  /** Null for any number. */
  configured: z.number().nullable(),
  /** Set at run time, and in force instead; null if it is not. */
  set: z.number().nullable(),
})
export const integrationStateSchema = z.object({
  /** Null if tasks are claimed. */
  paused: pauseSchema.nullable(),
  maxTasksInFlight: limitSchema,
  maxTasksInFlightPerUser: limitSchema,
  /** Requests to the provider, of all daemons together; null if there is none. */
  requestsPerMinute: limitSchema.nullable(),
  inFlight: z.number().int(),
})

interface ControlOptions extends TaskAPIOptions {
  /** The requests to the provider. Default: there are none to limit. */
  requests?: {
    configured: number | undefined
    /** @throws RunsUnavailableError */
    limit(perMinute: number | null, why: string, signal: AbortSignal): Promise<void>
  }
}

const LIMITS = Object.keys(runTimeLimits) as Array<keyof RunTimeLimits>

/** Makes `POST pause`, `resume` and `setLimits`, and `GET integrationState`. Each is answered with the state. */
export function createControlAPIs({ namespace, store, requests }: ControlOptions): API[] {
  const common = { namespace, internal: true, operator: true, answer: integrationStateSchema }
  const change = async (
    act: string,
    context: APIContext,
    { by, reason: why }: { by: string; reason?: string | undefined },
    to: (before: IntegrationControl, now: number) => IntegrationControl,
  ) => {
    const tasks = store()
    const { controller } = tasks
    const outcome = await changeControl(tasks, to, ({ paused, limits }) =>
      recordAct(controller, {
        who: whoActs(context),
        by,
        why,
        act,
        integration: namespace,
        outcome: { paused, limits },
      }),
    )
    tasks.changed()
    return stateOf(tasks, outcome, requests)
  }
  return [
    createAPI({
      ...common,
      name: 'pause',
      summary: `Claim no ${namespace} tasks from now on: they wait as pending, and what is in flight goes on`,
      params: z.strictObject({ by: bySchema, reason: statedWhySchema }),
      callback: (context, asked) =>
        change('pause', context, asked, (before, since) => ({
          ...before,
          paused: { since: before.paused?.since ?? since, who: whoActs(context), by: asked.by, why: asked.reason },
        })),
    }),
    createAPI({
      ...common,
      name: 'resume',
      summary: `Claim ${namespace} tasks again`,
      params: z.strictObject(acting),
      callback: (context, asked) => change('resume', context, asked, (before) => ({ ...before, paused: null })),
    }),
    createAPI({
      ...common,
      name: 'setLimits',
      summary: `Limit the ${namespace} tasks in flight, or its requests, instead of the configuration; null gives a limit back`,
      params: z
        .strictObject({
          ...acting,
          maxTasksInFlight: runTimeLimits.maxTasksInFlight.nullable().optional(),
          maxTasksInFlightPerUser: runTimeLimits.maxTasksInFlightPerUser.nullable().optional(),
          requestsPerMinute: runTimeLimits.requestsPerMinute.nullable().optional(),
        })
        .refine((asked) => LIMITS.some((name) => asked[name] !== undefined), {
          path: ['maxTasksInFlight'],
          message: 'give this or another limit: a number, or null to clear it',
        }),
      async callback(context, asked) {
        const { requestsPerMinute, by, reason = '' } = asked
        if (requestsPerMinute !== undefined) {
          if (!requests)
            throw new APIError(409, { success: false, error: `${namespace} asks no provider`, reason: 'no_provider' })
          // First: what is kept here says what is in force there.
          await requests.limit(requestsPerMinute, `${by}: ${reason}`, context.signal)
        }
        return change('setLimits', context, asked, ({ paused, limits }) => ({ paused, limits: changed(limits, asked) }))
      },
    }),
    createAPI({
      ...common,
      name: 'integrationState',
      method: 'GET',
      summary: `Whether ${namespace} is paused, by whom and why, and the limits of its tasks in flight`,
      params: z.strictObject({}),
      callback: async () => stateOf(store(), await store().read('control', () => readControl(store())), requests),
    }),
  ]
}

async function stateOf(
  tasks: TaskStore,
  { paused, limits }: IntegrationControl,
  requests: ControlOptions['requests'],
): Promise<z.infer<typeof integrationStateSchema>> {
  const configured = { ...tasks.rules, requestsPerMinute: requests?.configured }
  const limit = (name: keyof RunTimeLimits) => ({ configured: configured[name] ?? null, set: limits[name] ?? null })
  return {
    paused,
    maxTasksInFlight: limit('maxTasksInFlight'),
    maxTasksInFlightPerUser: limit('maxTasksInFlightPerUser'),
    requestsPerMinute: requests ? limit('requestsPerMinute') : null,
    inFlight: await tasks.read('in-flight', () => tasks.countInFlight()),
  }
}

function changed(limits: RunTimeLimits, asked: { [Name in keyof RunTimeLimits]: number | null | undefined }) {
  const set = LIMITS.map((name) => [name, asked[name] === undefined ? limits[name] : asked[name]] as const)
  return Object.fromEntries(set.filter(([, value]) => typeof value === 'number')) as RunTimeLimits
}
