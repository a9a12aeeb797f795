/** What a caller is told about input that does not fit its schema: which field, and why. */
import type { z } from 'zod'

interface InvalidField {
  field: string
  message: string
}

/** The body of a 400. */
export function invalidInput(error: z.ZodError) {
  const fields = error.issues.flatMap((issue) => invalidFields(issue, []))
  const [first] = fields
  return {
    success: false as const,
    error: first ? `${first.field}: ${first.message}` : 'Invalid input',
    fields,
  }
}

function invalidFields(issue: z.core.$ZodIssue, parent: PropertyKey[]): InvalidField[] {
  const path = [...parent, ...issue.path]
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    return closest(issue.errors).flatMap((inner) => invalidFields(inner, path))
  }
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ field: name([...path, key]), message: 'is not a known field' }))
  }
  return [{ field: name(path), message: issue.message }]
}

/** Of a union's forms, the one that was probably meant: that which the input misses by least. */
function closest(forms: z.core.$ZodIssue[][]): z.core.$ZodIssue[] {
  return forms.reduce((best, form) => (misses(form) < misses(best) ? form : best))
}

function misses(issues: z.core.$ZodIssue[]): number {
  // A form that does not know the discriminator's value at all is the furthest off.
  return issues.some((issue) => issue.code === 'invalid_union' && issue.errors.length === 0)
    ? Number.MAX_SAFE_INTEGER
    : issues.length
}

function name(path: PropertyKey[]): string {
  return path.length > 0 ? path.map(String).join('.') : 'body'
}
