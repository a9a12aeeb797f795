/** How a check has a fault of the simulator happen, and what it then expects. */
import { expect } from 'vitest'
import type { FaultKind } from '../../simulator/index.js'
import type { Traits } from './traits.js'
import type { Check, Tested } from './world.js'

const HANGING = { requestTimeoutMs: 1000 }
const isHanging = (kind: FaultKind) => /hang/i.test(kind)

/** A check for each of these faults, where the simulator has it. */
export function forEachFault(
  { kinds }: Pick<Traits, 'kinds'>,
  group: string,
  faults: readonly FaultKind[],
  check: (kind: FaultKind) => Omit<Check, 'group'>,
): Check[] {
  return faults
    .filter((kind) => kinds.includes(kind))
    .map((kind) => ({ group, ...(isHanging(kind) && { section: HANGING }), ...check(kind) }))
}

/** Has the fault happen once, and sees that it did. */
export const once = (kind: FaultKind, expected: (tested: Tested) => Promise<void>) => async (tested: Tested) => {
  const { faults } = tested.provider
  faults.set({ [kind]: 1 })
  await expected(tested)
  expect(faults.plan, 'faults that have not happened').toEqual({})
}

/** The task is done, and paid for once. */
export const done = async (tested: Tested) => {
  await tested.expectDone(await tested.run())
  if (tested.provider) expect(tested.paid()).toBe(1)
}
