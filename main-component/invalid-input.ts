/** Tells a caller which field of the input does not fit its schema, and why. */
import type { z } from 'zod'

export interface InvalidField {
  field: string
  message: string
}

/** The body of a 400 for a schema's errors. */
export function invalidInput(error: z.ZodError) {
  return invalidFields(error.issues.flatMap((issue) => fieldsOf(issue, [])))
}

/** The body of an answer that refuses these fields. */
export function invalidFields(fields: InvalidField[]) {
  const [first] = fields
  return {
    success: false as const,
    error: first ? `${first.field}: ${first.message}` : 'Invalid input',
    fields,
  }
}

function fieldsOf(issue: z.core.$ZodIssue, parent: PropertyKey[]): InvalidField[] {
  const path = [...parent, ...issue.path]
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ field: fieldName([...path, key]), message: 'is not a known field' }))
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    // Forms with another discriminator do not apply, unless none does.
    const meant = issue.errors.filter((form) => !form.some(isOtherForm))
    return meant.length > 0
      ? closest(meant).flatMap((inner) => fieldsOf(inner, path))
      : [noSuchForm(issue.errors.flat().filter(isOtherForm), path)]
  }
  if (isOtherForm(issue)) return [noSuchForm([issue], parent)]
  return [{ field: fieldName(path), message: issue.message }]
}

type OtherForm = z.core.$ZodIssueInvalidUnion & { options?: readonly unknown[] }

/** A discriminated union's issue if no form has the discriminator's value. */
function isOtherForm(issue: z.core.$ZodIssue): issue is OtherForm {
  return issue.code === 'invalid_union' && issue.errors.length === 0
}

function noSuchForm(issues: OtherForm[], parent: PropertyKey[]): InvalidField {
  const options = new Set(issues.flatMap((issue) => issue.options ?? []))
  const message = options.size > 0 ? `must be one of ${[...options].join(', ')}` : 'has no such form'
  return { field: fieldName([...parent, ...(issues[0]?.path ?? [])]), message }
}

/** Of several forms, the one that was probably meant: that with the fewest mistakes. */
function closest(forms: z.core.$ZodIssue[][]): z.core.$ZodIssue[] {
  return forms.reduce((best, form) => (form.length < best.length ? form : best))
}

/** Writes a path into the input as text. */
export function fieldName(path: PropertyKey[]): string {
  return path.length > 0 ? path.map(String).join('.') : 'body'
}
