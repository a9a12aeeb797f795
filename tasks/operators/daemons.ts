/** `GET operator/daemons`: which daemons asked lately, and for what. */
import { z } from 'zod'
import { type API, createAPI } from '../../lib/api.js'
import { daemonStateSchema } from '../../protocol/daemon-identity.js'
import { listDaemons } from '../daemon-rows.js'
import { FOR_OPERATORS, type OperatorsOptions } from './operated.js'

/** Times are unix seconds. */
export const daemonsSchema = z.object({
  daemons: z.array(
    z.object({
      integration: z.string(),
      /** Null for those of earlier versions, which do not say who they are. */
      name: z.string().nullable(),
      version: z.string().nullable(),
      /** `draining`: it is stopping, and claims nothing more. */
      state: daemonStateSchema,
      /** When main last heard from it, give or take ten seconds. */
      seenAt: z.number(),
      /** When it last asked for tasks; null if it did not. */
      askedAt: z.number().nullable(),
      /** Whether main has it wait for tasks. */
      parked: z.boolean(),
    }),
  ),
})

export function createDaemonsAPI({ operated }: Pick<OperatorsOptions, 'operated'>): API {
  return createAPI({
    ...FOR_OPERATORS,
    name: 'daemons',
    method: 'GET',
    summary:
      'The daemons that main heard from within an hour, of each integration: who they are, when they asked for tasks',
    params: z.strictObject({}),
    answer: daemonsSchema,
    async callback() {
      const namespaces = new Map(operated().map(({ namespace, store }) => [store.names.apiCall, namespace]))
      const daemons = (await listDaemons(this)).flatMap(({ apiCall, name, version, ...daemon }) => {
        const integration = namespaces.get(apiCall)
        if (integration === undefined) return []
        return [{ integration, name: name || null, version: version || null, ...daemon }]
      })
      return { daemons }
    },
  })
}
