import { afterAll, describe, it } from 'vitest'
import type { AnyIntegration } from '../definition-parts.js'
import { checksOf } from './checks.js'
import { traitsOf } from './traits.js'
import { type Check, type ContractOptions, ContractWorld } from './world.js'

/**
 * Registers a test for each thing that has to hold for a definition, whatever its provider: generated from its shape, and
 * from the faults that its simulator has. To be called where a test file or a `describe` begins.
 */
export function contractSuite(definition: AnyIntegration, options: ContractOptions = {}): void {
  const checks = checksOf(traitsOf(definition, options))
  const world = new ContractWorld(definition, options)
  afterAll(() => world.close())
  for (const [group, ofGroup] of grouped(checks)) {
    const isConcurrent = ofGroup.every(({ server }) => server === 'real')
    describe(group, { concurrent: isConcurrent }, () => {
      it.each(ofGroup.map((check) => [check.name, check] as const))('%s', (_name, check) => world.run(check))
    })
  }
}

export interface Verdict {
  check: string
  /** Why it does not hold. */
  error?: unknown
}

/** Runs the checks of a definition without registering a test, and gives what came of each. */
export async function runContract(
  definition: AnyIntegration,
  options: ContractOptions = {},
  only: RegExp = /./,
): Promise<Verdict[]> {
  const world = new ContractWorld(definition, options)
  const verdicts: Verdict[] = []
  try {
    for (const check of checksOf(traitsOf(definition, options))) {
      const name = `${check.group} ${check.name}`
      if (!only.test(name)) continue
      const error = await world.run(check).then(
        () => undefined,
        (thrown: unknown) => thrown,
      )
      verdicts.push({ check: name, ...(error !== undefined && { error }) })
    }
    return verdicts
  } finally {
    await world.close()
  }
}

function grouped(checks: Check[]): Map<string, Check[]> {
  const groups = new Map<string, Check[]>()
  for (const check of checks) groups.set(check.group, [...(groups.get(check.group) ?? []), check])
  return groups
}
