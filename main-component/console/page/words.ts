/** Numbers, durations and amounts of money in words. */
import type { Run, Task } from './answers.js'

const number = new Intl.NumberFormat('en')
const UNITS: Array<[seconds: number, name: string]> = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'min'],
  [1, 's'],
]

/** @param mostCounted as high as anything is counted: then it says "or more" */
export function count(value: number, mostCounted = Number.POSITIVE_INFINITY): string {
  return value >= mostCounted ? `${number.format(mostCounted)}+` : number.format(value)
}

/** `1 task`, `2 tasks`. */
export function counted(value: number, noun: string): string {
  return `${number.format(value)} ${noun}${value === 1 ? '' : 's'}`
}

/**
 * `90` is `1 min 30 s`; none is `–`.
 *
 * @param isRough with the largest unit alone
 */
export function duration(seconds: number | null | undefined, isRough = false): string {
  if (seconds === null || seconds === undefined) return '–'
  if (seconds < 10) return `${Math.max(0, Math.round(10 * seconds) / 10)} s`
  const whole = Math.round(seconds)
  const largest = UNITS.findIndex(([size]) => whole >= size)
  const [size, unit] = UNITS[largest] as (typeof UNITS)[number]
  const [nextSize, nextUnit] = UNITS[largest + 1] ?? [1, '']
  const rest = Math.floor((whole % size) / nextSize)
  return `${Math.floor(whole / size)} ${unit}${!isRough && nextUnit !== '' && rest > 0 ? ` ${rest} ${nextUnit}` : ''}`
}

const amount = new Intl.NumberFormat('en', { minimumFractionDigits: 2, maximumFractionDigits: 6 })

/** @param micros in millionths of the currency's unit */
export function money(micros: number, currency: string): string {
  return `${amount.format(micros / 1_000_000)} ${currency}`
}

/** What a task cost. */
export function costOf({ currency, charged, ambiguous }: NonNullable<Task['spend']>): string {
  const lost = ambiguous > 0 ? `, and ${money(ambiguous, currency)} if creates without an answer were made` : ''
  return `${money(charged, currency)}${lost}`
}

/** What one of its attempts cost. */
export function chargeOf({ amount, currency, basis }: NonNullable<Run['charge']>): string {
  return `${basis === 'ambiguous' ? 'maybe ' : ''}${money(amount, currency)}`
}

/** The code of a failure after which nobody knows whether something was made, and is charged for. */
export const ANSWER_LOST = 'create_answer_lost'

/** @param lost so many of the tasks that are to be retried have failed so */
export function payTwice(lost: number, tasks = lost): string {
  if (lost === 0) return ''
  const whose =
    tasks === 1 ? 'Its answer' : `The ${lost === 1 ? 'answer' : 'answers'} of ${number.format(lost)} of them`
  return `${whose} got lost: the provider may have made what was asked for, and a retry may be charged twice.`
}

/** A name in words: `takeOver` is `take over`, `at_capacity` is `at capacity`. */
export function inWords(name: string): string {
  return name.replace(/_/g, ' ').replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
}
