/** Options that are not strings, although the environment holds only strings. */
import { z } from 'zod'

/**
 * A value, or a number or a boolean as text, unless the schema takes the text itself. Unlike `z.coerce` it accepts no
 * blank or null.
 */
export function fromText<Schema extends z.ZodType>(schema: Schema) {
  return z.preprocess((value) => {
    if (typeof value !== 'string' || schema.safeParse(value).success) return value
    if (value === 'true' || value === 'false') return value === 'true'
    return value.trim() !== '' && Number.isFinite(Number(value)) ? Number(value) : value
  }, schema)
}
