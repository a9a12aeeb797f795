/**
 * `GET operator/history`: how many attempts ended in each minute of the last hour, or in each quarter of an hour of the
 * last day.
 */
import { z } from 'zod'
import { type API, createAPI } from '../../lib/api.js'
import { MOST_COUNTED } from '../task-numbers.js'
import { type CountedEnds, type Ended, SPANS, type Span } from './counted-ends.js'
import { choose, FOR_OPERATORS, integrationSchema, type OperatorsOptions } from './operated.js'

const numbers = z.array(z.number().int())

export const historySchema = z.object({
  /** When the first bucket begins, in unix seconds. */
  from: z.number(),
  bucketSeconds: z.number(),
  /** As high as a bucket is counted: then it says "as many or more". */
  mostCounted: z.number().int(),
  /** Of each bucket, the oldest first; the last one has just begun. `failed` are attempts: some of them are retried. */
  integrations: z.array(z.object({ integration: z.string(), completed: numbers, failed: numbers, cancelled: numbers })),
})

export function createHistoryAPI({ operated }: Pick<OperatorsOptions, 'operated'>, counted: CountedEnds): API {
  return createAPI({
    ...FOR_OPERATORS,
    name: 'history',
    method: 'GET',
    summary:
      'How many tasks were completed and cancelled, and how many attempts failed, by minutes of an hour or quarters of an hour of a day',
    params: z.strictObject({
      span: z.enum(Object.keys(SPANS) as [Span, ...Span[]]).default('hour'),
      integration: integrationSchema.optional(),
    }),
    answer: historySchema,
    async callback(_context, { span = 'hour', integration }) {
      const now = Date.now() / 1000
      const integrations = []
      let from = now
      // One after another: a request takes one connection at most.
      for (const { namespace, store } of choose(operated(), integration)) {
        const found = await counted.of(store, span, now)
        const numbersOf = (type: keyof Ended) => found.ended.map((ended) => ended[type])
        integrations.push({
          integration: namespace,
          completed: numbersOf('completed'),
          failed: numbersOf('failed'),
          cancelled: numbersOf('cancelled'),
        })
        from = found.from
      }
      return { from, bucketSeconds: SPANS[span].seconds, mostCounted: MOST_COUNTED, integrations }
    },
  })
}
