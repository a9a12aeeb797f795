/** The OpenAPI document, from the same schemas that the server validates with. */
import { OpenAPIHono, type RouteConfig } from '@hono/zod-openapi'
import { z } from 'zod'
import type { AuthConfig } from '../config/authentication.js'
import type { API } from '../lib/api.js'
import { refusalSchema } from '../protocol/wire.js'
import { IDEMPOTENCY_KEY } from '../tasks/idempotency.js'
import { webhookBodySchema } from '../tasks/webhooks.js'
import { apiPath } from './api-routes.js'
import type { Authentication } from './authentication.js'
import { CONSOLE_COOKIE, CSRF_HEADER } from './operators.js'
import { TEXT_PATTERN } from './unstorable.js'

const JSON_TYPE = 'application/json'
const INTERNAL_TOKEN = 'internalToken'
const OPERATOR_TOKEN = 'operatorToken'
const CONSOLE_SESSION = 'consoleSession'
const USER = 'user'
const BEARER = { type: 'http', scheme: 'bearer' } as const
/** Security schemes by auth mode. */
const USER_SCHEMES: Record<AuthConfig['mode'], SecurityScheme | null> = {
  anonymous: null,
  tokens: BEARER,
  jwt: { ...BEARER, bearerFormat: 'JWT' },
  application: { ...BEARER, description: 'However the application has its users sign in' },
}
type SecurityScheme = typeof BEARER & { bearerFormat?: string; description?: string }

/** The body of a 400 or 413, which names the mistake. */
const invalidInputSchema = z.object({
  success: z.literal(false),
  error: z.string(),
  fields: z.array(z.object({ field: z.string(), message: z.string() })).min(1),
})
const idempotencyHeader = z.object({
  [IDEMPOTENCY_KEY]: z
    .string()
    .optional()
    .describe(
      `Of the caller's making, new for each task, as \`"8e03978e-40d5-43dd-bc93-6894a57f9324"\`. The same request with the same key makes no second task: it is answered as the first one was, for a day at least`,
    ),
})
/** The body of a server error, with the id to look for in main's log. */
const faultSchema = z.object({ success: z.literal(false), error: z.string(), requestId: z.string() })

export function openAPIDocument(
  apis: readonly API[],
  url: string,
  { mode, usersOperate }: Pick<Authentication, 'mode' | 'usersOperate'>,
): object {
  const openAPI = new OpenAPIHono()
  const { openAPIRegistry: registry } = openAPI
  registry.registerComponent('securitySchemes', INTERNAL_TOKEN, BEARER)
  registry.registerComponent('securitySchemes', OPERATOR_TOKEN, BEARER)
  registry.registerComponent('securitySchemes', CONSOLE_SESSION, {
    type: 'apiKey',
    in: 'cookie',
    name: CONSOLE_COOKIE,
    description: `Of whoever has signed in at /console. A POST also needs the session's CSRF token, as \`${CSRF_HEADER}\``,
  })
  const users = USER_SCHEMES[mode]
  if (users) registry.registerComponent('securitySchemes', USER, users)
  for (const api of apis) registry.registerPath(route(api, { needsUser: users !== null, usersOperate }))
  for (const other of [HEALTH, ARTIFACT]) registry.registerPath(other)
  registry.registerWebhook(TASK_ENDED)
  const document = openAPI.getOpenAPI31Document({
    openapi: '3.1.0',
    info: { title: 'Main component', version: '1' },
    servers: [{ url }],
  })
  for (const operation of Object.values(document.paths ?? {}).flatMap((methods) => Object.values(methods))) {
    for (const { schema } of operation.parameters ?? []) addLimits(schema, TEXT_PATTERN)
    // In internal callers' posts such characters are replaced.
    const isInternal = operation.security?.some((scheme: object) => INTERNAL_TOKEN in scheme)
    addLimits(operation.requestBody?.content[JSON_TYPE]?.schema, isInternal ? undefined : TEXT_PATTERN)
  }
  return document
}

/** Restrictions on every input, from `unstorable` and JSON's numbers, stated for each field. */
function addLimits(schema: unknown, textPattern: string | undefined): void {
  if (typeof schema !== 'object' || schema === null) return
  for (const inner of Object.values(schema)) addLimits(inner, textPattern)
  const said = schema as Record<string, unknown>
  if (textPattern !== undefined && said.type === 'string' && said.enum === undefined) {
    if (said.pattern === undefined) said.pattern = textPattern
    else said.allOf = [{ pattern: textPattern }]
  }
  if (said.type === 'integer') {
    said.minimum ??= Number.MIN_SAFE_INTEGER
    said.maximum ??= Number.MAX_SAFE_INTEGER
  }
}

const HEALTH: RouteConfig = {
  method: 'get',
  path: '/health',
  summary: 'Whether main serves: for probes',
  responses: {
    200: { description: 'It does', ...json(z.object({ status: z.literal('ok') })) },
    503: {
      description: 'The database does not answer',
      ...json(z.object({ status: z.literal('failing'), database: z.string() })),
    },
    500: fault('A fault of main'),
  },
}

const ARTIFACT: RouteConfig = {
  method: 'get',
  path: '/artifacts/{key}',
  summary: 'A stored result',
  request: { params: z.object({ key: z.string().min(1) }), headers: z.object({ range: z.string().optional() }) },
  responses: {
    200: { description: 'The file', ...binary() },
    206: { description: 'The part of the file that `Range` asks for', ...binary() },
    302: { description: 'Where the file is, for five minutes' },
    404: refusal('Not found'),
    416: { description: '`Range` begins after the end of the file' },
    500: fault('A fault of main'),
  },
}

const TASK_ENDED: RouteConfig = {
  method: 'post',
  path: 'taskEnded',
  summary: 'A task has ended: sent to the `webhook` that it was created with, signed as Standard Webhooks defines',
  request: {
    headers: z.object({
      'webhook-id': z.string().describe('The same for each try'),
      'webhook-timestamp': z.string(),
      'webhook-signature': z.string(),
    }),
    body: { required: true, ...json(webhookBodySchema) },
  },
  responses: {
    '2XX': { description: 'Taken' },
    410: { description: 'Not wanted any more' },
    default: { description: 'Sent again later' },
  },
}

interface Users {
  /** Whether a user has to sign in. */
  needsUser: boolean
  /** Whether some may do what operators do. */
  usersOperate: boolean
}

function route(api: API, users: Users): RouteConfig {
  const method = api.method ?? 'POST'
  const credentials = credentialsOf(api, users)
  return {
    method: method === 'GET' ? 'get' : 'post',
    path: apiPath(api).replace(/:(\w+)/g, '{$1}'),
    tags: [api.namespace ?? ''],
    ...(api.summary !== undefined && { summary: api.summary }),
    ...(credentials.length > 0 && { security: credentials.map((name) => ({ [name]: [] })) }),
    request: {
      ...(method === 'GET' ? split(api) : body(api)),
      ...(api.takesIdempotencyKey && { headers: idempotencyHeader }),
    },
    responses: {
      200: api.streams ? EVENT_STREAM : { description: 'Done', ...json(api.answer) },
      400: { description: 'A field is missing or wrong', ...json(invalidInputSchema) },
      403: refusal(whyForbidden(api, method)),
      ...(method === 'POST' && { 413: { description: 'The body is too large', ...json(invalidInputSchema) } }),
      401: refusal('Credentials are missing or wrong'),
      ...((api.internal || (method === 'POST' && !api.takesIdempotencyKey)) && {
        409: refusal('Refused as things are'),
      }),
      ...(api.takesIdempotencyKey && {
        409: refusal(`The first request with this ${IDEMPOTENCY_KEY} is still under way. ${ASK_AGAIN}`),
        422: refusal(`This ${IDEMPOTENCY_KEY} was sent with another request`),
        429: refusal('As many tasks are open as one user may have'),
      }),
      404: refusal('Not found'),
      500: fault('A fault of main, or it is not known whether this was stored'),
      503: fault(`Main or its database is away, busy or full; nothing was stored. ${ASK_AGAIN}`),
      504: refusal('It took too long; it may still be done'),
    },
  }
}

function whyForbidden({ operator }: API, method: API['method']): string {
  const byOperator = 'The user is no operator'
  if (method === 'GET') return operator ? byOperator : 'This token belongs to no user'
  const foreign = 'It comes from a page of another site, and is not JSON'
  return operator ? `${byOperator}; or ${CSRF_HEADER} is missing; or it ${foreign.slice(3)}` : foreign
}

/** Any of these opens it; none if it is public. */
function credentialsOf(api: API, { needsUser, usersOperate }: Users): string[] {
  if (api.internal && !api.operator) return [INTERNAL_TOKEN]
  if (api.operator) return [INTERNAL_TOKEN, OPERATOR_TOKEN, CONSOLE_SESSION, ...(usersOperate ? [USER] : [])]
  if (api.allowAnonymous || !needsUser) return []
  return api.method === 'GET' ? [USER, OPERATOR_TOKEN, INTERNAL_TOKEN] : [USER]
}

/** A POST's: those that its path names, if it does, and the others in the body. */
function body(api: API): NonNullable<RouteConfig['request']> {
  const required = !api.params.safeParse({}).success
  if (!api.name.includes(':')) return { body: { required, ...json(api.params) } }
  const { params, query } = split(api)
  return { params, ...(!api.ignoresBody && { body: { required: true, ...json(query) } }) }
}

/** The parameters that the path names, and the others: those of a GET are in the query string. */
function split({ name: apiName, params }: API): { params: z.ZodObject; query: z.ZodObject } {
  if (!(params instanceof z.ZodObject)) throw new TypeError(`The parameters of ${apiName} must be an object`)
  const named = new Set([...apiName.matchAll(/:(\w+)/g)].map(([, name]) => name))
  const fields = Object.entries(params.shape as Record<string, z.ZodType>)
  const only = (wanted: (name: string) => boolean) =>
    z.object(Object.fromEntries(fields.filter(([name]) => wanted(name))))
  return { params: only((name) => named.has(name)), query: only((name) => !named.has(name)) }
}

const EVENT_STREAM = {
  description: 'Server-sent events',
  content: { 'text/event-stream': { schema: z.string() } },
}

const ASK_AGAIN = 'Ask again after `Retry-After` seconds'

function refusal(description: string) {
  return { description, ...json(refusalSchema) }
}

function fault(description: string) {
  return { description, ...json(faultSchema) }
}

function json(schema: z.ZodType) {
  return { content: { [JSON_TYPE]: { schema } } }
}

function binary() {
  return { content: { '*/*': { schema: z.string().meta({ format: 'binary' }) } } }
}
