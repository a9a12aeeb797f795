/**
 * `GET operator/history`: how many attempts and tasks ended in each part of the last hour or day, for plots. As with
 * the stats, the ends of the last day are read from their index, and at most `MOST_COUNTED` of each kind.
 */
import { z } from 'zod'
import { type API, createAPI } from '../../lib/api.js'
import { NOW } from '../claimable.js'
import { isEnd } from '../task-indexes.js'
import { MOST_COUNTED } from '../task-numbers.js'
import type { TaskReader } from '../task-reader.js'
import { choose, FOR_OPERATORS, integrationSchema, type OperatorsOptions } from './operated.js'

const BUCKETS = 60
const BUCKET_SECONDS = { hour: 60, day: 1440 } as const
const KINDS = ['completed', 'failed', 'cancelled'] as const

/** The oldest first; the last ends now. */
const bucketsSchema = z.array(z.number().int()).length(BUCKETS)

export const historySchema = z.object({
  /** Unix seconds. */
  at: z.number(),
  bucketSeconds: z.number().int(),
  integrations: z.array(
    z.object({
      integration: z.string(),
      completed: bucketsSchema,
      /** Attempts. */
      failed: bucketsSchema,
      cancelled: bucketsSchema,
    }),
  ),
})

export function createHistoryAPI({ operated }: OperatorsOptions): API {
  return createAPI({
    ...FOR_OPERATORS,
    name: 'history',
    method: 'GET',
    summary: 'How many tasks of each integration were completed, failed or cancelled, over the last hour or day',
    params: z.strictObject({
      integration: integrationSchema.optional(),
      span: z.enum(['hour', 'day']).default('hour'),
    }),
    answer: historySchema,
    async callback(_context, { integration, span = 'hour' }) {
      const bucketSeconds = BUCKET_SECONDS[span]
      const integrations = []
      // One after another: a request takes one connection at most.
      for (const { namespace, store } of choose(operated(), integration))
        integrations.push({ integration: namespace, ...(await readHistory(store, bucketSeconds)) })
      return { at: Date.now() / 1000, bucketSeconds, integrations }
    },
  })
}

async function readHistory(tasks: TaskReader, bucketSeconds: number) {
  const { table, column } = tasks.events
  const [type, at] = [column('eventType'), column('at')]
  const newest = KINDS.map(
    (kind) =>
      `(SELECT ${type} AS kind, ${at} AS at FROM ${table} WHERE ${isEnd(column)} AND ${type} = '${kind}'` +
      ` AND ${at} > ${NOW} - ${BUCKETS * bucketSeconds} ORDER BY ${at} DESC LIMIT ${MOST_COUNTED})`,
  )
  const sql =
    `SELECT kind, floor(greatest(0, ${NOW} - at) / ${bucketSeconds})::int AS ago, count(*)::int AS count` +
    ` FROM (${newest.join(' UNION ALL ')}) AS ended GROUP BY kind, ago`
  type Row = { kind: (typeof KINDS)[number]; ago: number; count: number }
  const rows = await tasks.read('history', () => tasks.query<Row>(sql, []))
  const history = { completed: empty(), failed: empty(), cancelled: empty() }
  for (const { kind, ago, count } of rows) if (ago < BUCKETS) history[kind][BUCKETS - 1 - ago] = count
  return history
}

function empty(): number[] {
  return Array<number>(BUCKETS).fill(0)
}
