/** The provider's bill beside what main says that attempts cost: the same to the last micro-unit, or explained. */
import type { AcceptedCreate } from './ark-log.js'
import { type Finding, markOf, nameOf } from './judge.js'
import { PRICES } from './settings.js'
import type { StoredVideo } from './stored-videos.js'

export interface Bill {
  findings: Finding[]
  /** In micro-units: of all accepted creates; of those among them that main cannot know of. */
  billed: number
  billedUnknown: number
  /** What main says: of attempts whose creates it knows, and of those that vanished at the provider. */
  charged: number
  chargedVanished: number
  /** What main says that creates without an answer may have cost besides. */
  ambiguous: number
}

/**
 * The equation: billed - billedUnknown = charged - chargedVanished.
 *
 * Main cannot know the bill of what vanished at the provider before anybody could look, for which the price of a create
 * may stand in, nor of a create that it counts as ambiguous.
 */
export function compareBills(videos: readonly StoredVideo[], creates: readonly AcceptedCreate[]): Bill {
  const bill: Bill = { findings: [], billed: 0, billedUnknown: 0, charged: 0, chargedVanished: 0, ambiguous: 0 }
  const bySeed = new Map(creates.map((create) => [create.seed, create]))
  bill.billed = creates.reduce((sum, create) => sum + billOf(create), 0)
  const known = new Set<number>()
  for (const { id, taskKey, charges } of videos) {
    for (const { attempt, amount, basis } of Object.values(charges)) {
      const seed = markOf(taskKey, attempt)
      const create = bySeed.get(seed)
      if (basis === 'ambiguous') {
        bill.ambiguous += amount
        continue
      }
      known.add(seed)
      bill.charged += amount
      if (create?.vanishedAt !== undefined) {
        bill.chargedVanished += amount
        bill.billedUnknown += billOf(create)
        continue
      }
      const billed = create ? billOf(create) : 0
      if (amount === billed) continue
      const what = `${nameOf(id, attempt)}: ${create?.id ?? 'nothing'} is billed ${billed}, and main says ${amount} by ${basis}`
      bill.findings.push({ kind: 'charged', what })
    }
  }
  for (const create of creates) if (!known.has(create.seed)) bill.billedUnknown += billOf(create)
  return bill
}

/** Ark charges for videos that were made, by the tokens of its usage. */
function billOf({ succeeds, tokens }: AcceptedCreate): number {
  return succeeds ? tokens * PRICES.microsOfToken : 0
}
