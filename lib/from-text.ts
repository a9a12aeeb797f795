/** Options that are no text, where the environment gives them, which holds nothing else. */
import { z } from 'zod'

/** The schema's number, or that number as text. Unlike `z.coerce`, nothing else: no blank, no null, no boolean. */
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
