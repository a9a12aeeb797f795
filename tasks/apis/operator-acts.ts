import { z } from 'zod'
import { type API, createAPI } from '../../lib/api.js'
import { idSchema } from '../../protocol/messages.js'
import { spelledNumber } from '../../protocol/wire.js'
import { operatorActSchema, recordedActs } from '../operator-acts.js'

const MAX_PAGE = 100

export const recordedActsSchema = z.object({
  acts: z.array(operatorActSchema.extend({ id: z.string(), at: z.number() })),
  /** Send it as `before` to get the next page; null on the last page. */
  next: z.string().nullable(),
})

/** Makes `GET operatorActs`: what operators did to an integration and its tasks, the newest first. */
export function createOperatorActsAPI({ namespace }: { namespace: string }): API {
  return createAPI({
    name: 'operatorActs',
    namespace,
    method: 'GET',
    internal: true,
    operator: true,
    summary: `What operators did to ${namespace} and its tasks, the newest first: who, when, why, and what came of it`,
    params: z.strictObject({
      limit: spelledNumber(z.number().int().min(1).max(MAX_PAGE)).default(20),
      /** The previous page's `next`. */
      before: idSchema.optional(),
    }),
    answer: recordedActsSchema,
    async callback(_context, { limit = 20, before }) {
      const found = await recordedActs(this, namespace, limit + 1, before)
      const acts = found.slice(0, limit)
      return { acts, next: found.length > limit ? (acts.at(-1)?.id ?? null) : null }
    },
  })
}
