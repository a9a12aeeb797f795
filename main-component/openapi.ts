/** The OpenAPI document, from the schemas that the server checks by. */
import { OpenAPIHono, type RouteConfig } from '@hono/zod-openapi'
import { z } from 'zod'
import type { API } from '../integrations/index.js'
import { IDEMPOTENCY_KEY } from '../integrations/shared/idempotency.js'
import { refusalSchema } from '../integrations/shared/wire.js'
import { apiPath } from './api-routes.js'

const INTERNAL_TOKEN = 'internalToken'

/** The body of a 400 or 413, which names what is wrong. */
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
const unavailableSchema = z.object({ success: z.literal(false), error: z.string(), requestId: z.string() })

export function openAPIDocument(apis: readonly API[], url: string): object {
  const openAPI = new OpenAPIHono()
  openAPI.openAPIRegistry.registerComponent('securitySchemes', INTERNAL_TOKEN, { type: 'http', scheme: 'bearer' })
  for (const api of apis) openAPI.openAPIRegistry.registerPath(route(api))
  return openAPI.getOpenAPI31Document({
    openapi: '3.1.0',
    info: { title: 'Main component', version: '1' },
    servers: [{ url }],
  })
}

function route(api: API): RouteConfig {
  const method = api.method ?? 'POST'
  return {
    method: method === 'GET' ? 'get' : 'post',
    path: apiPath(api).replace(/:(\w+)/g, '{$1}'),
    tags: [api.namespace ?? ''],
    ...(api.summary !== undefined && { summary: api.summary }),
    ...(api.internal && { security: [{ [INTERNAL_TOKEN]: [] }] }),
    request: {
      ...(method === 'GET' ? parameters(api) : body(api)),
      ...(api.takesIdempotencyKey && { headers: idempotencyHeader }),
    },
    responses: {
      200: { description: 'Done', ...json(api.answer) },
      400: { description: 'A field is missing or wrong', ...json(invalidInputSchema) },
      ...(method === 'POST' && { 413: { description: 'The body is too large', ...json(invalidInputSchema) } }),
      401: { description: 'Credentials are missing or wrong', ...json(refusalSchema) },
      ...(api.internal && {
        409: { description: 'Refused as things are', ...json(refusalSchema) },
      }),
      ...(api.takesIdempotencyKey && {
        409: {
          description: `The first request with this ${IDEMPOTENCY_KEY} is still under way. Ask again after \`Retry-After\` seconds`,
          ...json(refusalSchema),
        },
        422: { description: `This ${IDEMPOTENCY_KEY} was sent with another request`, ...json(refusalSchema) },
      }),
      404: { description: 'Not found', ...json(refusalSchema) },
      503: {
        description: 'The database is away or busy; nothing was stored. Ask again after `Retry-After` seconds',
        ...json(unavailableSchema),
      },
    },
  }
}

/** A GET's parameters: those that its path names, and the others in the query string. */
function parameters(api: API): NonNullable<RouteConfig['request']> {
  const { inPath, others } = split(api)
  return { params: inPath, query: others }
}

/** A POST's: those that its path names, if it does, and the others in the body. */
function body(api: API): NonNullable<RouteConfig['request']> {
  if (!api.name.includes(':')) return { body: { required: true, ...json(api.params) } }
  const { inPath, others } = split(api)
  return { params: inPath, body: { required: true, ...json(others) } }
}

function split({ name: apiName, params }: API): { inPath: z.ZodObject; others: z.ZodObject } {
  if (!(params instanceof z.ZodObject)) throw new TypeError(`The parameters of ${apiName} must be an object`)
  const named = new Set([...apiName.matchAll(/:(\w+)/g)].map(([, name]) => name))
  const fields = Object.entries(params.shape as Record<string, z.ZodType>)
  const only = (wanted: (name: string) => boolean) =>
    z.object(Object.fromEntries(fields.filter(([name]) => wanted(name))))
  return { inPath: only((name) => named.has(name)), others: only((name) => !named.has(name)) }
}

function json(schema: z.ZodType) {
  return { content: { 'application/json': { schema } } }
}
