/** A day name begins each of the three ways in which HTTP writes dates; `Date.parse` takes much more for one. */
const HTTP_DATE = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)/

/** A day. */
const MAX_SECONDS = 86_400

/** A `Retry-After` header, seconds or an HTTP date, as seconds from now, a day at most. Undefined if it is neither. */
export function parseRetryAfter(header: string | null | undefined): number | undefined {
  if (!header) return undefined
  const isDate = HTTP_DATE.test(header)
  if (!isDate && !/^\d+(\.\d+)?$/.test(header)) return undefined
  const seconds = isDate ? (Date.parse(header) - Date.now()) / 1000 : Number(header)
  return Number.isNaN(seconds) ? undefined : Math.min(Math.max(seconds, 0), MAX_SECONDS)
}
