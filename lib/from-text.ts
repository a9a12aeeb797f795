/** Options that are not strings, although the environment holds only strings. */
import { z } from 'zod'

/** A number, or that number as text. Unlike `z.coerce` it accepts no blank, null or boolean. */
export function numberFromText<Schema extends z.ZodType<number>>(schema: Schema) {
  const isNumber = (value: unknown) =>
    typeof value === 'string' && value.trim() !== '' && Number.isFinite(Number(value))
  return z.preprocess((value) => (isNumber(value) ? Number(value) : value), schema)
}

/** A boolean, or `true` or `false` as text. */
export const booleanFromText = z.preprocess(
  (value) => (value === 'true' || value === 'false' ? value === 'true' : value),
  z.boolean(),
)
