/** What the fuzz knows of main: nothing but its OpenAPI document. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'

/** The part of JSON Schema that the document uses. */
export interface Schema {
  type?: string | string[]
  anyOf?: Schema[]
  oneOf?: Schema[]
  enum?: unknown[]
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  minItems?: number
  maxItems?: number
  minLength?: number
  maxLength?: number
  minimum?: number
  maximum?: number
  pattern?: string
  /** Patterns that hold besides. */
  allOf?: Array<{ pattern: string }>
  format?: string
  additionalProperties?: boolean
}

export interface Operation {
  name: string
  method: 'get' | 'post'
  /** With `{name}` for its parameters. */
  path: string
  needsToken: boolean
  /** Whether the input goes into path and query string, and not into a body. */
  inUrl: boolean
  /** Whether it is answered with events, which may go on for as long as a task does. */
  streams: boolean
  /** Whether it takes an `Idempotency-Key`. */
  takesKey: boolean
  /** Of the body, or of all parameters together. */
  input: Schema
  isValidInput: ValidateFunction
  /** By status. */
  isValidAnswer: Record<string, ValidateFunction>
}

interface DocumentedOperation {
  security?: unknown[]
  parameters?: Array<{ name: string; in: string; required: boolean; schema: Schema }>
  requestBody?: { content: Record<string, { schema: Schema }> }
  responses: Record<string, { content?: Record<string, { schema: Schema }> }>
}

const JSON_TYPE = 'application/json'
const EVENT_STREAM_TYPE = 'text/event-stream'

export function readOperations(document: { paths: object }): Operation[] {
  const paths = document.paths as Record<string, Record<string, DocumentedOperation>>
  // The others take no input.
  const apis = Object.entries(paths).filter(([path]) => path.startsWith('/api/'))
  return apis.flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => readOperation(method as Operation['method'], path, operation)),
  )
}

function readOperation(method: Operation['method'], path: string, operation: DocumentedOperation): Operation {
  const parameters = operation.parameters?.filter((parameter) => parameter.in !== 'header') ?? []
  const inUrl = parameters.length > 0 || operation.requestBody === undefined
  const input = (!inUrl && operation.requestBody?.content[JSON_TYPE]?.schema) || parametersSchema(parameters)
  const streams = operation.responses['200']?.content?.[EVENT_STREAM_TYPE] !== undefined
  const answers = Object.entries(operation.responses).flatMap(([status, { content }]) => {
    if (streams && status === '200') return []
    const schema = content?.[JSON_TYPE]?.schema
    if (!schema) throw new Error(`${method} ${path} documents ${status} without JSON`)
    return [[status, compile(schema)] as const]
  })
  return {
    name: `${method} ${path}`,
    method,
    path,
    needsToken: operation.security !== undefined,
    inUrl,
    streams,
    takesKey: operation.parameters?.some(({ name }) => name === 'Idempotency-Key') ?? false,
    input,
    isValidInput: inUrl ? coercing.compile(input) : compile(input),
    isValidAnswer: Object.fromEntries(answers),
  }
}

function parametersSchema(parameters: NonNullable<DocumentedOperation['parameters']>): Schema {
  return {
    type: 'object',
    properties: Object.fromEntries(parameters.map(({ name, schema }) => [name, schema])),
    required: parameters.filter(({ required }) => required).map(({ name }) => name),
    additionalProperties: false,
  }
}

/** An implementation of JSON Schema that is not the server's own. */
const asIs = new Ajv2020({ strict: false, meta: false, validateSchema: false })
/** As above; takes "5" for a number, as a query string has to. */
const coercing = new Ajv2020({ strict: false, meta: false, validateSchema: false, coerceTypes: true })
for (const ajv of [asIs, coercing]) addFormats.default(ajv)

/** Refusals look the same everywhere: each schema is compiled once. */
const compiled = new Map<string, ValidateFunction>()

function compile(schema: Schema): ValidateFunction {
  const key = JSON.stringify(schema)
  const validate = compiled.get(key) ?? asIs.compile(schema)
  compiled.set(key, validate)
  return validate
}
