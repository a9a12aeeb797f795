/** What an integration has spent, for people: sums by day and by user, read from the summed table. */
import { z } from 'zod'
import { EVERYBODY, SPEND, sumOfUser, THIS_MONTH, TODAY } from '../spend.js'
import type { TaskStore } from '../task-store.js'

const DAYS = 30
const MOST_USERS = 10

/** In micro-units of the currency, whole numbers. */
const amountsSchema = z.object({
  charged: z.number().int(),
  /** What creates whose answers were lost may have cost besides. */
  ambiguous: z.number().int(),
})
const periodsSchema = z.object({
  /** From 00:00 UTC on. */
  today: amountsSchema,
  /** From the month's first day on, 00:00 UTC. */
  month: amountsSchema,
  /** Today and the 29 days before. */
  days30: amountsSchema,
})
const budgetSchema = z.object({ perDay: z.number().int().nullable(), perMonth: z.number().int().nullable() })

/** Amounts are whole numbers of micro-units, the millionths of the currency's unit. */
export const spendSchema = periodsSchema.extend({
  currency: z.string(),
  /** Days with charges of the last 30, the oldest first; days and months are UTC. */
  byDay: z.array(amountsSchema.extend({ day: z.string() })),
  /** Users with the highest charges of this month; null is everybody without an id. */
  users: z.array(amountsSchema.extend({ user: z.string().nullable() })),
  /** One user's, if it was asked for. */
  ofUser: periodsSchema.extend({ user: z.string() }).nullable(),
  /** What the tasks in flight are expected to cost. */
  reserved: z.number().int(),
  /** Null if any amount may be spent. */
  budget: budgetSchema.nullable(),
  budgetPerUser: budgetSchema.nullable(),
})

export type Spend = z.infer<typeof spendSchema>
type Amounts = z.infer<typeof amountsSchema>

/**
 * Null if the integration has no prices.
 *
 * @param user whose spend is read too
 */
export async function spendOf(store: TaskStore, user?: string): Promise<Spend | null> {
  const { budget, budgetPerUser, policy } = store.rules
  if (!policy.prices) return null
  const { currency, create } = policy.prices
  const shown = (of: typeof budget) => (of ? { perDay: of.perDay ?? null, perMonth: of.perMonth ?? null } : null)
  return store.read('spend', async () => {
    const { byDay, ...periods } = await sumsOf(store, EVERYBODY, currency)
    return {
      currency,
      ...periods,
      byDay,
      users: await dearestUsers(store, currency),
      ofUser: user === undefined ? null : { user, ...withoutDays(await sumsOf(store, sumOfUser(user), currency)) },
      reserved: create * (await store.countInFlight()),
      budget: shown(budget),
      budgetPerUser: shown(budgetPerUser),
    }
  })
}

const SUMS = 'sum(charged)::float8 AS charged, sum(ambiguous)::float8 AS ambiguous'

async function sumsOf(store: TaskStore, who: string, currency: string) {
  const first = `to_char((statement_timestamp() AT TIME ZONE 'UTC') - interval '${DAYS - 1} days', 'YYYY-MM-DD')`
  const sql =
    `SELECT period, period = ${TODAY} AS "isToday", period = ${THIS_MONTH} AS "isMonth", ${SUMS} FROM ${SPEND}` +
    ` WHERE integration = $1 AND who = $2 AND currency = $3` +
    ` AND (period BETWEEN ${first} AND ${TODAY} AND length(period) = 10 OR period = ${THIS_MONTH})` +
    ' GROUP BY period ORDER BY period'
  type Row = Amounts & { period: string; isToday: boolean; isMonth: boolean }
  const rows = await store.query<Row>(sql, [store.names.apiCall, who, currency])
  const sum = (of: Row[]): Amounts => ({
    charged: of.reduce((total, { charged }) => total + charged, 0),
    ambiguous: of.reduce((total, { ambiguous }) => total + ambiguous, 0),
  })
  const days = rows.filter(({ isMonth }) => !isMonth)
  return {
    today: sum(rows.filter(({ isToday }) => isToday)),
    month: sum(rows.filter(({ isMonth }) => isMonth)),
    days30: sum(days),
    byDay: days.map(({ period: day, charged, ambiguous }) => ({ day, charged, ambiguous })),
  }
}

function withoutDays({ byDay: _, ...periods }: Awaited<ReturnType<typeof sumsOf>>) {
  return periods
}

async function dearestUsers(store: TaskStore, currency: string): Promise<Spend['users']> {
  const sql =
    `SELECT nullif(substr(who, 2), '') AS "user", charged::float8 AS charged, ambiguous::float8 AS ambiguous FROM ${SPEND}` +
    ` WHERE integration = $1 AND period = ${THIS_MONTH} AND currency = $2 AND who <> '${EVERYBODY}'` +
    ` ORDER BY ${SPEND}.charged DESC LIMIT ${MOST_USERS}`
  return store.query<Spend['users'][number]>(sql, [store.names.apiCall, currency])
}
