/**
 * Budgets: how many tasks may be in flight while what has been charged, and what those in flight are expected to cost,
 * stays within what may be spent. Each is expected to cost the price of a create. Tasks that an operator lets through
 * do not ask.
 */
import type { Prices } from '../protocol/index.js'
import { EVERYBODY, NOTHING, SPEND, type Spent, spentNow, sumOfUser, THIS_MONTH, TODAY } from './spend.js'
import type { TaskReader } from './task-reader.js'

/** What may be spent from 00:00 UTC on, and from the month's first day on, in micro-units. */
export interface Budget {
  perDay?: number | undefined
  perMonth?: number | undefined
}

export interface Budgets {
  /** What may be spent by all tasks. Default: any amount. */
  budget?: Budget | undefined
  /** What may be spent by the tasks of one user. Default: any amount. */
  budgetPerUser?: Budget | undefined
}

/** How the selection of tasks goes by budgets. */
export interface BudgetsInForce {
  /** How many more may join those in flight. */
  free: number
  /** How many of a user may be in flight, as SQL, given the user's id as SQL; without it any number. */
  ofUser?: ((userId: string) => string) | undefined
}

/** How many tasks may be in flight; less than one if it is used up. */
function placesWithin({ perDay, perMonth }: Budget, { day, month }: Spent, { create }: Prices): number {
  const left = Math.min((perDay ?? Number.POSITIVE_INFINITY) - day, (perMonth ?? Number.POSITIVE_INFINITY) - month)
  return Math.floor(left / create)
}

/**
 * The places within the integration's budget. Read it after the tasks in flight were counted: one that ends between
 * counts twice.
 */
export async function placesOfAll(tasks: TaskReader, { budget }: Budgets, prices: Prices | undefined): Promise<number> {
  if (!budget || !prices) return Number.POSITIVE_INFINITY
  const spent = await spentNow(tasks, [EVERYBODY], prices.currency)
  return placesWithin(budget, spent.get(EVERYBODY) ?? NOTHING, prices)
}

/** The places within the budgets of users, by their id; of callers without one, under ''. */
export async function placesOfUsers(
  tasks: TaskReader,
  { budgetPerUser }: Budgets,
  prices: Prices | undefined,
  userIds: ReadonlyArray<string | null>,
): Promise<Map<string, number>> {
  if (!budgetPerUser || !prices) return new Map()
  const ids = [...new Set(userIds.map((userId) => userId ?? ''))]
  const spent = await spentNow(tasks, ids.map(sumOfUser), prices.currency)
  return new Map(ids.map((id) => [id, placesWithin(budgetPerUser, spent.get(sumOfUser(id)) ?? NOTHING, prices)]))
}

/** As of this moment, for those who only look; undefined without budgets. */
export async function budgetsInForce(
  tasks: TaskReader,
  budgets: Budgets,
  prices: Prices | undefined,
): Promise<BudgetsInForce | undefined> {
  const ofUser = placesOfUser(tasks, budgets, prices)
  if (!budgets.budget && !ofUser) return undefined
  const inFlight = await tasks.countInFlight()
  return { free: (await placesOfAll(tasks, budgets, prices)) - inFlight, ofUser }
}

/** As SQL, `BudgetsInForce.ofUser`. */
export function placesOfUser(
  { names: { apiCall } }: TaskReader,
  { budgetPerUser }: Budgets,
  prices: Prices | undefined,
): BudgetsInForce['ofUser'] {
  if (!budgetPerUser || !prices) return undefined
  const { perDay, perMonth } = budgetPerUser
  const left = (most: number | undefined, period: string) =>
    most === undefined ? [] : `${most} - coalesce(sum(charged) FILTER (WHERE period = ${period}), 0)`
  const least = [left(perDay, TODAY), left(perMonth, THIS_MONTH)].flat().join(', ')
  return (userId) =>
    `(SELECT floor(least(${least}) / ${prices.create}) FROM ${SPEND} WHERE integration = '${apiCall}'` +
    ` AND who = '=' || ${userId} AND period IN (${TODAY}, ${THIS_MONTH}) AND currency = '${prices.currency}')`
}

/** Which part of a budget leaves no place, and until when (unix seconds). */
export function usedUp(
  { perDay, perMonth }: Budget,
  spent: Spent,
  prices: Prices,
  inFlight: number,
  now: number,
): { words: string; until: number } | null {
  const date = new Date(now * 1000)
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()]
  const nextMonth = Date.UTC(year, month + 1)
  const isFull = (budget: Budget) => placesWithin(budget, spent, prices) <= inFlight
  if (isFull({ perMonth })) {
    const first = new Date(nextMonth).toISOString().slice(0, 10)
    return { words: `budget of this month is used up until ${first} 00:00 UTC`, until: nextMonth / 1000 }
  }
  if (!isFull({ perDay })) return null
  return {
    words: 'budget of today is used up until 00:00 UTC',
    until: Date.UTC(year, month, date.getUTCDate() + 1) / 1000,
  }
}
