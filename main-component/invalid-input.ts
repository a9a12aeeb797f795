/** What a caller is told about input that does not fit its schema: which field, and why. */
import type { z } from 'zod'

export interface InvalidField {
  field: string
  message: string
}

/** The body of a 400 for what a schema refuses. */
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
    // Forms whose discriminator has another value are out of the question, unless all are.
    const meant = issue.errors.filter((form) => !form.some(isOtherForm))
    return meant.length > 0
      ? closest(meant).flatMap((inner) => fieldsOf(inner, path))
      : [noSuchForm(issue.errors.flat().filter(isOtherForm), path)]
  }
  if (isOtherForm(issue)) return [noSuchForm([issue], parent)]
  return [{ field: fieldName(path), message: issue.message }]
}

type OtherForm = z.core.$ZodIssueInvalidUnion & { options?: readonly unknown[] }

/** A discriminated union's issue where it has no form for the discriminator's value. */
function isOtherForm(issue: z.core.$ZodIssue): issue is OtherForm {
  return issue.code === 'invalid_union' && issue.errors.length === 0
}

function noSuchForm(issues: OtherForm[], parent: PropertyKey[]): InvalidField {
  const options = new Set(issues.flatMap((issue) => issue.options ?? []))
  const message = options.size > 0 ? `must be one of ${[...options].join(', ')}` : 'has no such form'
  return { field: fieldName([...parent, ...(issues[0]?.path ?? [])]), message }
}

/** Of several forms, the one that was probably meant: that which the input misses by least. */
function closest(forms: z.core.$ZodIssue[][]): z.core.$ZodIssue[] {
  return forms.reduce((best, form) => (form.length < best.length ? form : best))
}

/** How a path into the input is written. */
export function fieldName(path: PropertyKey[]): string {
  return path.length > 0 ? path.map(String).join('.') : 'body'
}
