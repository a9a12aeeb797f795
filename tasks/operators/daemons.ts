/** `GET operator/daemons`: which daemons asked lately, and for what. */
import { z } from 'zod'
import { type API, createAPI } from '../../lib/api.js'
import { daemonStateSchema } from '../../protocol/daemon-identity.js'
import { conditionOf, DAEMON_CONDITIONS, listDaemons } from '../daemon-rows.js'
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
      /**
       * `not_asking`: a gate of it is closed, which its `/readyz` names; `silent`: nothing was heard of it for a minute
       * (five while it drains): it hangs, or was killed.
       */
      condition: z.enum(DAEMON_CONDITIONS),
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
      const now = Date.now() / 1000
      const namespaces = new Map(operated().map(({ namespace, store }) => [store.names.apiCall, namespace]))
      const daemons = (await listDaemons(this)).flatMap(({ apiCall, name, version, state, ...daemon }) => {
        const integration = namespaces.get(apiCall)
        if (integration === undefined || state === 'gone') return []
        const condition = conditionOf({ state, ...daemon }, now)
        return [{ integration, name: name || null, version: version || null, state, condition, ...daemon }]
      })
      return { daemons }
    },
  })
}
