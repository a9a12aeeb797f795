/**
 * What attempts have cost, summed by day and by month (UTC), of each integration and of each of its users. The
 * transaction that ends an attempt adds its charges, so that no sum ever has to be made of tasks.
 */
import type { Charge, Prices } from '../protocol/index.js'
import { databaseOf } from './database/sql.js'
import type { LockedTask, TaskReader } from './task-reader.js'
import type { StoredStep } from './transition-log.js'

/** A table of its own, which is not part of the application's model. Amounts are micro-units. */
export const SPEND = '"TaskSpend"'
/** Whose sum it is: everybody's together. A user's is `=` and their id; callers without one are one user. */
export const EVERYBODY = '*'
/** Everybody's sum is kept in so many parts, so that attempts that end at once do not wait for each other. */
const PARTS = 8

const at = (form: string) => `to_char(statement_timestamp() AT TIME ZONE 'UTC', '${form}')`
/** The names of the day and the month that it is now, as SQL. */
export const TODAY = at('YYYY-MM-DD')
export const THIS_MONTH = at('YYYY-MM')

/** Idempotent. */
export async function createSpendTable(controller: TaskReader['controller']): Promise<void> {
  const database = databaseOf(controller)
  await database.scheme(
    `CREATE TABLE IF NOT EXISTS ${SPEND} (integration text COLLATE "C", who text COLLATE "C", period text COLLATE "C",` +
      ' currency text COLLATE "C", part smallint, charged bigint NOT NULL, ambiguous bigint NOT NULL,' +
      ' PRIMARY KEY (integration, who, period, currency, part))',
  )
  await database.scheme(
    `CREATE INDEX IF NOT EXISTS "TaskSpend_dearest" ON ${SPEND} (integration, period, currency, charged DESC)` +
      ` WHERE who <> '${EVERYBODY}'`,
  )
}

export function sumOfUser(userId: string | null): string {
  return `=${userId ?? ''}`
}

interface Change {
  who: string
  period: string
  currency: string
  charged: number
  ambiguous: number
}

/** Adds what the steps make known of costs. Call it in their transaction, once: sums are locked in one order. */
export async function noteSpend(
  tasks: TaskReader,
  moved: ReadonlyArray<{ row: Pick<LockedTask, 'userId'>; steps: readonly StoredStep[] }>,
): Promise<void> {
  const changes = new Map<string, Change>()
  for (const { row, steps } of moved) {
    for (const [charge, sign] of steps.flatMap(changedCharges)) {
      const day = new Date(charge.at * 1000).toISOString().slice(0, 10)
      for (const who of [EVERYBODY, sumOfUser(row.userId)]) {
        for (const period of [day, day.slice(0, 7)]) {
          const key = JSON.stringify([who, period, charge.currency])
          const change = changes.get(key) ?? { who, period, currency: charge.currency, charged: 0, ambiguous: 0 }
          change[charge.basis === 'ambiguous' ? 'ambiguous' : 'charged'] += sign * charge.amount
          changes.set(key, change)
        }
      }
    }
  }
  if (changes.size === 0) return
  const all = <Name extends keyof Change>(name: Name) => [...changes.values()].map((change) => change[name])
  // In the order of the keys: whoever changes several rows locks them in the same order.
  const sql =
    `INSERT INTO ${SPEND} AS spend SELECT $1, who, period, currency,` +
    ` CASE who WHEN '${EVERYBODY}' THEN pg_backend_pid() % ${PARTS} ELSE 0 END, charged, ambiguous` +
    ' FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[])' +
    ' AS change (who, period, currency, charged, ambiguous) ORDER BY who, period, currency' +
    ' ON CONFLICT (integration, who, period, currency, part) DO UPDATE' +
    ' SET charged = spend.charged + EXCLUDED.charged, ambiguous = spend.ambiguous + EXCLUDED.ambiguous'
  const values = [all('who'), all('period'), all('currency'), all('charged'), all('ambiguous')]
  await tasks.query(sql, [tasks.names.apiCall, ...values])
}

/** A step's charges are added, and those that they correct taken away. */
function changedCharges({ event, before }: StoredStep): Array<[charge: Charge, sign: 1 | -1]> {
  const charges = 'charges' in event ? (event.charges ?? []) : []
  return charges.flatMap((charge): Array<[Charge, 1 | -1]> => {
    const corrected = before.charges?.[charge.attempt]
    return corrected
      ? [
          [corrected, -1],
          [charge, 1],
        ]
      : [[charge, 1]]
  })
}

/** Charged today and this month, in micro-units. */
export interface Spent {
  day: number
  month: number
  /** What creates without an answer may have cost this month besides. */
  ambiguousOfMonth: number
}

export const NOTHING: Spent = { day: 0, month: 0, ambiguousOfMonth: 0 }

/** What metrics tell. */
export type SpendNumbers = Spent & Pick<Prices, 'currency'>

export async function readSpendNumbers(tasks: TaskReader, { currency }: Prices): Promise<SpendNumbers> {
  const spent = await tasks.read('spend-numbers', () => spentNow(tasks, [EVERYBODY], currency))
  return { ...(spent.get(EVERYBODY) ?? NOTHING), currency }
}

/** What was charged in the current day and month, of the sums that there are. */
export async function spentNow(
  tasks: TaskReader,
  who: readonly string[],
  currency: string,
): Promise<Map<string, Spent>> {
  const sum = (of: string, period: string) => `coalesce(sum(${of}) FILTER (WHERE period = ${period}), 0)::float8`
  const sql =
    `SELECT who, ${sum('charged', TODAY)} AS day, ${sum('charged', THIS_MONTH)} AS month,` +
    ` ${sum('ambiguous', THIS_MONTH)} AS "ambiguousOfMonth" FROM ${SPEND} WHERE integration = $1` +
    ` AND who = ANY($2) AND period IN (${TODAY}, ${THIS_MONTH}) AND currency = $3 GROUP BY who`
  const rows = await tasks.query<Spent & { who: string }>(sql, [tasks.names.apiCall, who, currency])
  return new Map(rows.map(({ who, ...spent }) => [who, spent]))
}
