/** Ark's own error bodies: `{error: {code, message, param, type}}`. */
import { randomUUID } from 'node:crypto'
import type { z } from 'zod'
import type { ProviderErrors } from '../../../simulator/disturbances.js'
import type { SimulatorContext } from '../../../simulator/http.js'

const TYPES = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  429: 'TooManyRequests',
  500: 'InternalServerError',
} as const

function failure(c: SimulatorContext, status: keyof typeof TYPES, code: string, message: string, param = ''): Response {
  const error = { code, message: `${message}. Request id: ${randomUUID()}`, param, type: TYPES[status] }
  return c.json({ error }, status)
}

export function invalid(c: SimulatorContext, { issues: [issue] }: z.ZodError): Response {
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : []
  const param = [...(issue?.path ?? []), ...unknown].join('.')
  const missing = issue?.code === 'invalid_type' && issue.message.includes('undefined')
  const code = missing ? 'MissingParameter' : 'InvalidParameter'
  return failure(c, 400, code, `${param || 'The request'}: ${issue?.message}`, param)
}

export const authenticationError = (c: SimulatorContext) =>
  failure(c, 401, 'AuthenticationError', 'The API key is missing or invalid')

export const taskNotFound = (c: SimulatorContext) => failure(c, 404, 'ResourceNotFound', 'The task is not found')

export const modelNotFound = (c: SimulatorContext, model: string) =>
  failure(c, 404, 'InvalidEndpointOrModel.NotFound', `The model or endpoint ${model} does not exist for you`, 'model')

export const modelNotOpen = (c: SimulatorContext, model: string) =>
  failure(c, 404, 'ModelNotOpen', `Your account has not activated the model ${model}`, 'model')

export const inputRefused = (c: SimulatorContext) =>
  failure(c, 400, 'InputTextSensitiveContentDetected', 'The input text may contain sensitive information')

export const runningTask = (c: SimulatorContext) =>
  failure(c, 409, 'InvalidAction.RunningTaskDeletion', 'A running task cannot be deleted')

export const tooManyRunning = (c: SimulatorContext) =>
  failure(c, 429, 'InflightBatchsizeExceeded', 'Too many tasks of this model are under way')

export const arkErrors: Required<ProviderErrors> = {
  rateLimited(c, retryAfterSeconds) {
    if (retryAfterSeconds !== null) c.header('retry-after', String(retryAfterSeconds))
    return failure(c, 429, 'RateLimitExceeded.EndpointRPMExceeded', 'Too many requests per minute')
  },
  quotaExceeded: (c) => failure(c, 429, 'QuotaExceeded', 'The quota of your account is used up'),
  overloaded: (c) => failure(c, 429, 'ServerOverloaded', 'The service is overloaded'),
  accountOverdue: (c) => failure(c, 403, 'AccountOverdueError', 'Your account has an overdue balance'),
  accessDenied: (c) => failure(c, 403, 'AccessDenied', 'You do not have access to this resource'),
  failed: (c) => failure(c, 500, 'InternalServiceError', 'The service failed'),
}
