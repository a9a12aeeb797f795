/**
 * `GET operator/history`: how many attempts ended in each minute of the last hour, or in each quarter of an hour of the
 * last day. Each span is counted from an index, once: its number is then remembered, and only the newest are counted
 * again.
 */
import { z } from 'zod'
import { type API, createAPI } from '../../lib/api.js'
import { isEnd } from '../task-indexes.js'
import { MOST_COUNTED } from '../task-numbers.js'
import type { TaskReader } from '../task-reader.js'
import { choose, FOR_OPERATORS, integrationSchema, type OperatorsOptions } from './operated.js'

const SPANS = { hour: { buckets: 60, seconds: 60 }, day: { buckets: 96, seconds: 900 } } as const
type Span = keyof typeof SPANS

/** A transaction may be committed so much later than its events say. */
const SETTLED_SECONDS = 60

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

const TYPES = ['completed', 'failed', 'cancelled'] as const
type Ended = Record<(typeof TYPES)[number], number>

export function createHistoryAPI({ operated }: Pick<OperatorsOptions, 'operated'>): API {
  const counted = new CountedBuckets()
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
      const { buckets, seconds } = SPANS[span]
      const now = Date.now() / 1000
      const from = (Math.floor(now / seconds) - buckets + 1) * seconds
      const starts = Array.from({ length: buckets }, (_, index) => from + index * seconds)
      const integrations = []
      // One after another: a request takes one connection at most.
      for (const { namespace, store } of choose(operated(), integration)) {
        const ended = await counted.of(store, starts, seconds, now)
        integrations.push({
          integration: namespace,
          completed: ended.map(({ completed }) => completed),
          failed: ended.map(({ failed }) => failed),
          cancelled: ended.map(({ cancelled }) => cancelled),
        })
      }
      return { from, bucketSeconds: seconds, mostCounted: MOST_COUNTED, integrations }
    },
  })
}

class CountedBuckets {
  /** By integration and width, those that change no more, by when they begin. */
  readonly #settled = new Map<string, Map<number, Ended>>()

  async of(tasks: TaskReader, starts: number[], seconds: number, now: number): Promise<Ended[]> {
    const key = `${tasks.names.apiCall} ${seconds}`
    const settled = this.#settled.get(key) ?? new Map<number, Ended>()
    const missing = starts.filter((start) => !settled.has(start))
    const found = new Map(await countEnds(tasks, missing, seconds))
    const known = new Map(starts.map((start) => [start, settled.get(start) ?? found.get(start) ?? NONE]))
    this.#settled.set(key, new Map([...known].filter(([start]) => start + seconds + SETTLED_SECONDS < now)))
    return [...known.values()]
  }
}

const NONE: Ended = { completed: 0, failed: 0, cancelled: 0 }

async function countEnds(tasks: TaskReader, starts: number[], seconds: number): Promise<Array<[number, Ended]>> {
  const { table, column } = tasks.events
  const at = column('at')
  const counts = TYPES.map(
    (type) =>
      `(SELECT count(*)::int FROM (SELECT 1 FROM ${table} WHERE ${isEnd(column)} AND ${column('eventType')} = '${type}'` +
      ` AND ${at} >= start AND ${at} < start + $2::float8 LIMIT ${MOST_COUNTED}) AS ended) AS ${type}`,
  )
  const sql = `SELECT start, ${counts.join(', ')} FROM unnest($1::float8[]) AS bucket (start)`
  const rows = await tasks.read('history', () => tasks.query<Ended & { start: number }>(sql, [starts, seconds]))
  return rows.map(({ start, ...ended }) => [start, ended])
}
