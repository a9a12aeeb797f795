/** Queries of addresses. */
export type Query = Record<string, string | number | undefined>

/** `?status=failed`; nothing if nothing is given. */
export function queryOf(query: Query): string {
  const given = Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]))
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`
}
