/** A place in the list of all integrations' tasks: the newest first, of the same moment by integration, then by key. */
import type { z } from 'zod'
import { cursorSchema, spellCursor } from '../cursor.js'

export const placeSchema = cursorSchema(['taskKey', 'namespace'], 'must be the `next` or `previous` of a page')
export type Place = z.output<typeof placeSchema>

export function spellPlace({ createdAt, taskKey, namespace }: Place): string {
  return spellCursor(createdAt, taskKey, namespace)
}

/** Compares for the list's order. Keys are compared by the database alone, as their order hangs on its collation. */
export function inListOrder(a: Omit<Place, 'taskKey'>, b: Omit<Place, 'taskKey'>): number {
  return b.createdAt - a.createdAt || compare(b.namespace, a.namespace)
}

/**
 * The condition for an integration's tasks beyond a place, as SQL.
 *
 * @param than `<` for those after it in the list, `>` for those before it
 * @param value adds a value to the statement, and names it
 */
export function beyond(
  namespace: string,
  { createdAt, taskKey }: { createdAt: string; taskKey: string },
  than: '<' | '>',
  place: Place,
  value: (of: unknown) => string,
): string {
  const time = `${value(place.createdAt)}::float8`
  if (namespace === place.namespace) return `(${createdAt}, ${taskKey}) ${than} (${time}, ${value(place.taskKey)})`
  const comesFirst = compare(namespace, place.namespace) < 0 === (than === '<')
  return `${createdAt} ${than}${comesFirst ? '=' : ''} ${time}`
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
