import { BATCHES_RULES } from './batches.js'
import { BENCH_RULES } from './bench.js'
import { CALLERS_RULES } from './callers.js'
import { CLAIMS_RULES } from './claims.js'
import { CONSOLE_RULES } from './console.js'
import { FENCING_RULES } from './fencing.js'
import { GROWTH_RULES } from './growth.js'
import { INTENTS_RULES } from './intents.js'
import { MONEY_RULES } from './money.js'
import type { Mutant } from './mutant.js'
import { OBSERVING_RULES } from './observing.js'
import { OPERATORS_RULES } from './operators.js'
import { PULLING_RULES } from './pulling.js'
import { RECONCILING_RULES } from './reconciling.js'
import { STORE_RULES } from './store.js'
import { SYSTEM_RULES } from './system.js'
import { WEBHOOKS_RULES } from './webhooks.js'
import { WORKFLOWS_RULES } from './workflows.js'

/** All mutants that tests have to notice, cheap ones first. */
export const MUTANTS: Mutant[] = [
  ...CLAIMS_RULES,
  ...FENCING_RULES,
  ...INTENTS_RULES,
  ...OBSERVING_RULES,
  ...OPERATORS_RULES,
  ...CONSOLE_RULES,
  ...STORE_RULES,
  ...MONEY_RULES,
  ...BATCHES_RULES,
  ...WORKFLOWS_RULES,
  ...PULLING_RULES,
  ...RECONCILING_RULES,
  ...GROWTH_RULES,
  ...CALLERS_RULES,
  ...WEBHOOKS_RULES,
  ...BENCH_RULES,
  ...SYSTEM_RULES,
]
