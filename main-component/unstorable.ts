/** Input that passes every schema, but that a database cannot store. */
import { fieldName, type InvalidField } from './invalid-input.js'

/** Twice the nesting of any schema here; much more would overflow the stack of whatever walks the value. */
const MAX_DEPTH = 32

interface Place {
  value: unknown
  path: PropertyKey[]
}

/**
 * The first field of parsed JSON that cannot be stored as it is: text with a NUL character or half of a surrogate pair,
 * or excessive nesting. Undefined if there is none.
 */
export function unstorable(input: unknown): InvalidField | undefined {
  const places: Place[] = [{ value: input, path: [] }]
  for (let place = places.pop(); place; place = places.pop()) {
    const { value, path } = place
    if (typeof value === 'string' && !isText(value)) return { field: fieldName(path), message: NOT_TEXT }
    if (typeof value !== 'object' || value === null) continue
    if (path.length >= MAX_DEPTH) {
      return { field: fieldName(path.slice(0, 1)), message: `is nested more than ${MAX_DEPTH} levels deep` }
    }
    for (const [key, inner] of Object.entries(value)) {
      if (!isText(key)) return { field: fieldName(path), message: `has a field whose name ${NOT_TEXT}` }
      places.push({ value: inner, path: [...path, key] })
    }
  }
  return undefined
}

/** Valid text as a pattern for the OpenAPI document: with the flag `u`, a surrogate pair is one character. */
const TEXT = /^[^\0\ud800-\udfff]*$/u
export const TEXT_PATTERN = TEXT.source

const NOT_TEXT = 'has a character that is not text (U+0000, or half of a surrogate pair)'

function isText(text: string): boolean {
  return TEXT.test(text)
}

/** A text with invalid characters replaced by U+FFFD; any other value unchanged. */
export function replaceUnstorable(value: unknown): unknown {
  return typeof value === 'string' && !isText(value) ? value.replace(/\0|\p{Surrogate}/gu, '\uFFFD') : value
}
