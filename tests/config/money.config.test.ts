/** Prices and budgets in the configuration: amounts are exact, and each mistake is told with its remedy. */
import { expect, it } from 'vitest'
import { ConfigError } from '@/config/config-error.js'
import { loadConfig } from '@/config/load.js'

const PRICES = {
  currency: 'CNY',
  create: '1.60',
  units: { completionTokens: { price: '15', per: 1_000_000 }, images: { price: 0.04 } },
}

function load(env: Record<string, unknown>) {
  const texts = Object.entries(env).map(([name, value]) => [
    name,
    typeof value === 'string' ? value : JSON.stringify(value),
  ])
  return loadConfig({ mode: 'local', env: Object.fromEntries(texts) }).integrations.fangzhouVideoGeneration
}

it('are read from the environment as JSON, in micro-units', () => {
  const budgets = { ARK_BUDGET: { perDay: '200', perMonth: 3000.5 }, ARK_BUDGET_PER_USER: { perDay: '0.000001' } }
  expect(load({ ARK_PRICES: PRICES, ...budgets })).toMatchObject({
    prices: {
      currency: 'CNY',
      create: 1_600_000,
      units: { completionTokens: { price: 15_000_000, per: 1_000_000 }, images: { price: 40_000, per: 1 } },
    },
    budget: { perDay: 200_000_000, perMonth: 3_000_500_000 },
    budgetPerUser: { perDay: 1 },
  })
  expect(load({})).not.toHaveProperty('prices')
})

it.each([
  ['ARK_PRICES', { ...PRICES, create: '1,60' }, 'prices.create', /must be an amount of money/],
  ['ARK_PRICES', { ...PRICES, create: 0 }, 'prices.create', /must be more than 0/],
  ['ARK_PRICES', { ...PRICES, create: '0.0000001' }, 'prices.create', /at most six digits/],
  ['ARK_PRICES', { ...PRICES, currency: 'U$D' }, 'prices.currency', /must be the name of a currency/],
  ['ARK_PRICES', { ...PRICES, units: { tokens: { price: '1', per: 0 } } }, 'prices.units.tokens.per', /./],
  ['ARK_PRICES', { ...PRICES, perDay: '1' }, 'prices.perDay', /is not an option/],
  ['ARK_PRICES', '{"currency"', 'prices', /./],
  ['ARK_BUDGET', { perDay: '1' }, 'budget', /needs prices/],
  ['ARK_BUDGET_PER_USER', { perMonth: '1' }, 'budgetPerUser', /needs prices/],
])('%s: %j is refused', (variable, value, path, message) => {
  const given = variable === 'ARK_PRICES' ? {} : { ARK_PRICES: undefined }
  const thrown = (() => {
    try {
      return load({ ...given, [variable]: value })
    } catch (error) {
      return error
    }
  })()
  expect(thrown).toBeInstanceOf(ConfigError)
  const problem = (thrown as ConfigError).problems.find(
    (one) => one.path === `integrations.fangzhouVideoGeneration.${path}`,
  )
  expect(problem?.message, String(thrown)).toMatch(message)
  expect(problem?.remedy).toBe(`Correct ${variable} in the environment.`)
})

it('a budget without any amount is refused', () => {
  expect(() => load({ ARK_PRICES: PRICES, ARK_BUDGET: {} })).toThrow(/budget.perDay: give this or perMonth/)
})
