/**
 * How many attempts ended in each part of the time. Each part is counted from an index, once: its number is then
 * remembered, and only the newest are counted again.
 */
import { isEnd } from '../task-indexes.js'
import { MOST_COUNTED } from '../task-numbers.js'
import type { TaskReader } from '../task-reader.js'

/** The parts of an hour and of a day. */
export const SPANS = { hour: { buckets: 60, seconds: 60 }, day: { buckets: 96, seconds: 900 } } as const
export type Span = keyof typeof SPANS

/** A transaction may be committed so much later than its events say. */
const SETTLED_SECONDS = 60

export const ENDS = ['completed', 'failed', 'cancelled'] as const
export type Ended = Record<(typeof ENDS)[number], number>
const NONE: Ended = { completed: 0, failed: 0, cancelled: 0 }

export class CountedEnds {
  /** By integration and width, those that change no more, by when they begin. */
  readonly #settled = new Map<string, Map<number, Ended>>()

  /** The parts until now, the oldest first; the last one has just begun. */
  async of(tasks: TaskReader, span: Span, now: number): Promise<{ from: number; ended: Ended[] }> {
    const { buckets, seconds } = SPANS[span]
    const from = (Math.floor(now / seconds) - buckets + 1) * seconds
    const starts = Array.from({ length: buckets }, (_, index) => from + index * seconds)
    const key = `${tasks.names.apiCall} ${seconds}`
    const settled = this.#settled.get(key) ?? new Map<number, Ended>()
    const missing = starts.filter((start) => !settled.has(start))
    const found = new Map(await countEnds(tasks, missing, seconds))
    const known = new Map(starts.map((start) => [start, settled.get(start) ?? found.get(start) ?? NONE]))
    this.#settled.set(key, new Map([...known].filter(([start]) => start + seconds + SETTLED_SECONDS < now)))
    return { from, ended: [...known.values()] }
  }
}

async function countEnds(tasks: TaskReader, starts: number[], seconds: number): Promise<Array<[number, Ended]>> {
  const { table, column } = tasks.events
  const at = column('at')
  const counts = ENDS.map(
    (type) =>
      `(SELECT count(*)::int FROM (SELECT 1 FROM ${table} WHERE ${isEnd(column)} AND ${column('eventType')} = '${type}'` +
      ` AND ${at} >= start AND ${at} < start + $2::float8 LIMIT ${MOST_COUNTED}) AS ended) AS ${type}`,
  )
  const sql = `SELECT start, ${counts.join(', ')} FROM unnest($1::float8[]) AS bucket (start)`
  const rows = await tasks.read('history', () => tasks.query<Ended & { start: number }>(sql, [starts, seconds]))
  return rows.map(({ start, ...ended }) => [start, ended])
}
