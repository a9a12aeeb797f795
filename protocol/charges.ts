/**
 * What attempts cost. A create is charged once, for the attempt that asked for it: as the provider says, however late and
 * to whichever attempt; until then at the price of a create. Pure, in whole micro-units.
 */
import type { CreateIntent, Units, Usage } from './messages.js'
import type { Charge, TaskState } from './types.js'

/** An integration's price table, in micro-units of its currency. */
export interface Prices {
  currency: string
  /** What one create costs where the provider does not say. It is also what a task in flight is expected to cost. */
  create: number
  /** By the unit's name: the price of so many of it. */
  units: Readonly<Record<string, { price: number; per: number }>>
}

/** Whatever a provider says: sums of it stay exact. */
const MAX_AMOUNT = 1_000_000_000_000_000

type Priced = Pick<Charge, 'amount' | 'basis'>

interface AttemptEnd {
  attempt: number
  usage?: Usage | undefined
  /** The create intents that are open then. */
  open: readonly CreateIntent[]
  /** Whether the attempt has a result. */
  succeeded: boolean
}

/** The charges that the end of an attempt adds, or corrects. Without prices there are none. */
export function chargesAtEnd(
  state: TaskState,
  { attempt, usage = [], open, succeeded }: AttemptEnd,
  now: number,
  prices: Prices | undefined,
): Charge[] {
  if (!prices) return []
  const known = state.charges ?? {}
  const found = new Map<number, Priced>()
  const maybe = (of: number) => {
    if (!known[of] && !found.has(of)) found.set(of, { amount: prices.create, basis: 'ambiguous' })
  }
  for (const intent of open) maybe(intent.attempt)
  const asked = state.openIntents.some((intent) => intent.attempt === attempt)
  const maker = state.providerTask?.attempt ?? (succeeded && asked ? attempt : undefined)
  if (maker !== undefined && (known[maker]?.basis ?? 'ambiguous') === 'ambiguous') {
    found.set(maker, { amount: prices.create, basis: 'create' })
  }
  for (const { attempt: of, units } of usage.filter((used) => used.attempt <= attempt)) {
    if (units) found.set(of, priced(units, prices))
    else maybe(of)
  }
  return [...found].flatMap(([of, { amount, basis }]) => {
    const before = known[of]
    if (before?.amount === amount && before.basis === basis) return []
    return { attempt: of, at: before?.at ?? now, currency: prices.currency, amount, basis }
  })
}

/** No units cost nothing. Those without a price are left out; if none has one, the price of a create stands in. */
export function priced(units: Units, { create, units: prices }: Prices): Priced {
  const names = Object.keys(units)
  const amounts = names.flatMap((name) => {
    const of = Object.hasOwn(prices, name) ? prices[name] : undefined
    return of ? times(units[name] ?? 0, of) : []
  })
  if (names.length > 0 && amounts.length === 0) return { amount: create, basis: 'create' }
  return {
    amount: Math.min(
      amounts.reduce((sum, amount) => sum + amount, 0),
      MAX_AMOUNT,
    ),
    basis: 'usage',
  }
}

/** Rounded to a whole micro-unit, once. */
function times(count: number, { price, per }: { price: number; per: number }): number {
  return Number((2n * BigInt(count) * BigInt(price) + BigInt(per)) / (2n * BigInt(per)))
}
