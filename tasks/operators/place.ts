/** A place in the list of all integrations' tasks: the newest first, of the same moment by integration, then by key. */
import { z } from 'zod'

export interface Place {
  createdAt: number
  taskKey: string
  namespace: string
}

/** An opaque cursor (keyset pagination). */
export const placeSchema = z
  .string()
  .max(400)
  .transform((text, context): Place => {
    const [time, taskKey, namespace] = Buffer.from(text, 'base64url').toString().split(' ')
    const createdAt = Number(time || Number.NaN)
    if (taskKey && namespace && Number.isFinite(createdAt)) return { createdAt, taskKey, namespace }
    context.addIssue({ code: 'custom', message: 'must be the `next` or `previous` of a page' })
    return z.NEVER
  })

export function spellPlace({ createdAt, taskKey, namespace }: Place): string {
  return Buffer.from(`${createdAt} ${taskKey} ${namespace}`).toString('base64url')
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
