/** Inputs made from a schema: such as fit it, and such as somebody hostile or careless would send. */
import fc from 'fast-check'
import type { Schema } from './openapi.js'

/** Values that are likely to hit something, by the name of the field. */
export type Hints = Record<string, unknown[]>

/** What fits the schema. Patterns and formats included, refinements that JSON Schema cannot say not. */
export function validInput(schema: Schema, hints: Hints, name = ''): fc.Arbitrary<unknown> {
  const known = hints[name]
  const generated = generate(schema, hints)
  return known ? fc.oneof({ arbitrary: fc.constantFrom(...known), weight: 4 }, generated) : generated
}

function generate(schema: Schema, hints: Hints): fc.Arbitrary<unknown> {
  const forms = formsOf(schema)
  if (forms.length > 1) return fc.oneof(...forms.map((form) => generate(form, hints)))
  if (schema.enum) return fc.constantFrom(...schema.enum)
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type
  const { minimum: min = -1e9, maximum: max = 1e9, minItems, maxItems = 4 } = schema
  switch (type) {
    case 'object':
      return objectOf(schema, hints)
    case 'array':
      return fc.array(validInput(schema.items ?? {}, hints), {
        ...(minItems !== undefined && { minLength: minItems }),
        maxLength: Math.min(maxItems, 4),
      })
    case 'string':
      return text(schema)
    case 'integer':
      return fc.integer({ min, max })
    case 'number':
      return fc.double({ min, max, noNaN: true })
    case 'boolean':
      return fc.boolean()
    default:
      return fc.jsonValue({ maxDepth: 3 })
  }
}

/** The schemas that it is a choice of, of choices too; itself where it is none. */
function formsOf(schema: Schema): Schema[] {
  const choice = schema.anyOf ?? schema.oneOf
  return choice ? choice.flatMap(formsOf) : [schema]
}

function objectOf({ properties = {}, required = [] }: Schema, hints: Hints): fc.Arbitrary<unknown> {
  const fields = Object.entries(properties).map(([name, schema]) => [name, validInput(schema, hints, name)] as const)
  return fc.record(Object.fromEntries(fields), { requiredKeys: required, noNullPrototype: true })
}

/** By pattern. */
const rare = new Map<string, boolean>()

function text({ minLength = 0, maxLength = 4000, pattern = '', allOf = [], format }: Schema): fc.Arbitrary<string> {
  if (format === 'uri') return fc.webPath().map((path) => `https://files.example.org${path}`)
  const patterns = [pattern, ...allOf.map((other) => other.pattern)].map((source) => new RegExp(source, 'u'))
  const short = Math.min(maxLength, minLength + 30)
  const fits = (made: string) => made.length <= maxLength && patterns.every((one) => one.test(made))
  const any = fc.oneof(
    fc.string({ minLength, maxLength: short }),
    fc.string({ minLength, maxLength: short, unit: 'binary' }),
    fc.string({ minLength, maxLength: short, unit: fc.constantFrom(' ', '\t', '\u3000', 'x') }),
    fc.constant('x'.repeat(maxLength)),
  )
  // What texts seldom fit is made from the pattern.
  const isRare = rare.get(pattern) ?? fc.sample(any, { numRuns: 20, seed: 1 }).filter(fits).length === 0
  rare.set(pattern, isRare)
  const made = isRare ? fc.stringMatching(new RegExp(pattern), { maxLength: Math.min(maxLength, 200) }) : any
  return made.filter(fits)
}

const HOSTILE_TEXTS = [
  "' OR 1=1",
  "1'; DROP TABLE tasks; --",
  '../../etc/passwd',
  '..%2f..%2fetc%2fpasswd',
  'a\u0000b',
  '\ud800',
  '{{7*7}}',
  '__proto__',
  '%',
  '-1',
  '1e999',
  '9'.repeat(30),
  '2147483648',
  '01a201b9-594b-7660-9aef-7ba83634e394',
  ' ',
  '',
  'x'.repeat(5000),
]

const HOSTILE_VALUES: unknown[] = [
  ...HOSTILE_TEXTS,
  'x'.repeat(200_000),
  null,
  true,
  0,
  -1,
  1.5,
  2 ** 53,
  1e308,
  [],
  {},
  [[['x']]],
  nested(20),
  nested(2000),
  { $ne: null },
  { toString: 'x', constructor: { prototype: {} } },
]

function nested(levels: number): unknown {
  let value: unknown = 'x'
  for (let level = 0; level < levels; level++) value = level % 2 ? [value] : { inner: value }
  return value
}

const HOSTILE_NAMES = ['unknown', '__proto__', 'constructor', 'toString', 'id', 'state', "x' OR 1=1", 'x'.repeat(1000)]

export interface Mutated {
  input: unknown
  /** The top-level field that was changed; `body` for the whole. */
  field: string
}

/** What fits the schema but for one field: of a wrong type or size, missing, or unknown. */
export function mutatedInput(schema: Schema, hints: Hints, values = HOSTILE_VALUES): fc.Arbitrary<Mutated> {
  const forms = formsOf(schema).filter(({ properties }) => properties)
  return fc.oneof(
    { arbitrary: fc.oneof(...forms.map((form) => mutatedObject(form, hints, values))), weight: 9 },
    fc.record({ input: fc.constantFrom(...values), field: fc.constant('body') }),
  )
}

/** As above, of what a query string can carry: half a surrogate pair is none of it. */
export function mutatedParameters(schema: Schema, hints: Hints): fc.Arbitrary<Mutated> {
  const texts = HOSTILE_TEXTS.filter((text) => !/\p{Surrogate}/u.test(text))
  return mutatedObject(schema, hints, texts)
}

function mutatedObject(schema: Schema, hints: Hints, values: unknown[]): fc.Arbitrary<Mutated> {
  const names = Object.keys(schema.properties ?? {})
  const required = schema.required ?? []
  const change = fc.oneof(
    ...(names.length > 0
      ? [
          fc.tuple(
            fc.constantFrom(...names),
            fc.constantFrom(...values).map((value) => ({ value })),
          ),
        ]
      : []),
    ...(required.length > 0 ? [fc.tuple(fc.constantFrom(...required), fc.constant(null))] : []),
    fc.tuple(fc.constantFrom(...HOSTILE_NAMES), fc.constant({ value: 'x' as unknown })),
  )
  return fc.tuple(validInput(schema, hints), change).map(([valid, [field, replacement]]) => {
    const fields = Object.entries(valid as object).filter(([name]) => name !== field)
    if (replacement) fields.push([field, replacement.value])
    return { input: ownFields(fields), field }
  })
}

/** Also of fields that a plain assignment would not make, as `__proto__`. */
function ownFields(fields: Array<[string, unknown]>): object {
  const made = {}
  for (const [name, value] of fields) {
    Object.defineProperty(made, name, { value, enumerable: true, configurable: true, writable: true })
  }
  return made
}
