import type { Mutant } from './mutant.js'

const CHARGES = 'protocol/charges.ts'
const TASK_LIMITS = 'tasks/task-limits.ts'
const OF_CHARGES = ['tests/protocol/charges.test.ts']
const OF_SPEND = ['tests/tasks/spend.full.test.ts']
const OF_BUDGETS = ['tests/tasks/budgets.full.test.ts']

/** What attempts cost, how that is summed, and what may be spent. */
export const MONEY_RULES: Mutant[] = [
  {
    name: 'ambiguous-create-charged',
    file: CHARGES,
    from: "found.set(of, { amount: prices.create, basis: 'ambiguous' })",
    to: "found.set(of, { amount: prices.create, basis: 'create' })",
    tests: OF_CHARGES,
  },
  {
    name: 'resumed-task-charged-to-the-attempt-that-ended',
    file: CHARGES,
    from: 'if (units) found.set(of, priced(units, prices))',
    to: 'if (units) found.set(attempt, priced(units, prices))',
    tests: OF_CHARGES,
  },
  {
    name: 'correction-added-to-what-it-corrects',
    file: 'tasks/spend.ts',
    from: 'const corrected = before.charges?.[charge.attempt]',
    to: 'const corrected = undefined as Charge | undefined',
    tests: OF_SPEND,
  },
  {
    name: 'budget-forgets-what-is-in-flight',
    file: TASK_LIMITS,
    from: 'rules.policy.prices)) - total',
    to: 'rules.policy.prices))',
    tests: OF_BUDGETS,
  },
  {
    name: 'users-budget-not-kept',
    file: TASK_LIMITS,
    from: "return taken >= withinBudgets ? 'user_over_budget' : undefined",
    to: 'return undefined',
    tests: OF_BUDGETS,
  },
  {
    name: 'let-through-past-a-pause',
    file: TASK_LIMITS,
    from: 'if (this.free <= 0) return this.full',
    to: 'if (withinBudgets !== undefined && this.free <= 0) return this.full',
    tests: OF_BUDGETS,
  },
]
