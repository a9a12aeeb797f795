/** What a provider's answer says that it charges for. */
import type { Units } from '../../protocol/messages.js'

/**
 * Amounts by unit, as an integration reads them from an answer; those that the answer does not have are left out. `{}`:
 * nothing is charged.
 */
export type UsedUnits = Readonly<Record<string, number | null | undefined>>

/** The units as they are reported: whole, rounded up. Undefined if the answer does not say, or cannot be read. */
export function unitsOf(read: () => UsedUnits | undefined): Units | undefined {
  try {
    const said = Object.entries(read() ?? { unknown: undefined })
    const known = said.flatMap(([name, count]) =>
      typeof count === 'number' && count >= 0 && Number.isFinite(count) ? [[name, Math.ceil(count)] as const] : [],
    )
    return known.length > 0 || said.length === 0 ? Object.fromEntries(known) : undefined
  } catch {
    // A result is not lost because its cost cannot be read: the price of a create stands in.
    return undefined
  }
}
