/** The options about money that every integration has: the provider's prices, and what may be spent. */
import { z } from 'zod'
import { jsonOf } from '../../lib/json.js'
import { parseAmount } from '../../lib/money.js'

/** In micro-units. */
const amount = z.union([z.string(), z.number()]).transform((given, context) => {
  const micros = parseAmount(String(given))
  if (micros !== undefined) return micros
  const message = 'must be an amount of money, such as "0.04", with at most six digits after the point'
  context.addIssue({ code: 'custom', message })
  return z.NEVER
})

/** The environment holds objects as JSON. */
function fromJSON<Schema extends z.ZodType>(schema: Schema) {
  return z.preprocess((value) => (typeof value === 'string' ? (jsonOf(value) ?? value) : value), schema)
}

const pricesSchema = z.strictObject({
  currency: z.string().regex(/^[A-Za-z]{1,10}$/, 'must be the name of a currency, such as USD'),
  /** What one create costs where the provider does not say; what a task in flight is expected to cost, too. */
  create: amount.refine((micros) => micros > 0, 'must be more than 0: it is what a task is expected to cost'),
  /** By the units of the integration's `usage`: the price of one, or of so many. */
  units: z
    .record(z.string().regex(/^\w{1,40}$/), z.strictObject({ price: amount, per: z.int().min(1).default(1) }))
    .default({}),
})

const budgetSchema = z
  .strictObject({
    /** From 00:00 UTC on. */
    perDay: amount.optional(),
    /** From the month's first day on, 00:00 UTC. */
    perMonth: amount.optional(),
  })
  .refine(({ perDay, perMonth }) => perDay !== undefined || perMonth !== undefined, {
    path: ['perDay'],
    message: 'give this or perMonth',
  })

export const moneyOptions = {
  /** What the provider charges. Without it nobody knows what tasks cost. */
  prices: fromJSON(pricesSchema).optional(),
  /** Tasks that would exceed it wait as pending. Default: none. */
  budget: fromJSON(budgetSchema).optional(),
  /** The same for each user. */
  budgetPerUser: fromJSON(budgetSchema).optional(),
}
