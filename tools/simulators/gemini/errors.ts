/** Errors of Google's APIs: `{error: {code, message, status, details}}`. */
import type { z } from 'zod'
import type { ProviderErrors } from '../../../simulator/disturbances.js'
import type { SimulatorContext } from '../../../simulator/http.js'

const STATUSES = {
  INVALID_ARGUMENT: 400,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
  RESOURCE_EXHAUSTED: 429,
  INTERNAL: 500,
  UNAVAILABLE: 503,
} as const

type Detail = { '@type': `type.googleapis.com/google.rpc.${string}`; [field: string]: unknown }

function failure(c: SimulatorContext, status: keyof typeof STATUSES, message: string, details?: Detail[]): Response {
  const code = STATUSES[status]
  return c.json({ error: { code, message, status, ...(details && { details }) } }, code)
}

export function invalid(c: SimulatorContext, { issues: [issue] }: z.ZodError): Response {
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : []
  const field = [...(issue?.path ?? []), ...unknown].join('.')
  const description = unknown.length > 0 ? `Unknown name "${unknown[0]}": Cannot find field.` : String(issue?.message)
  const violations = { '@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations: [{ field, description }] }
  return failure(c, 'INVALID_ARGUMENT', `Invalid value at '${field}': ${description}`, [violations as Detail])
}

export const keyMissing = (c: SimulatorContext) =>
  failure(c, 'PERMISSION_DENIED', 'Requests without an API key are not allowed')

export const keyInvalid = (c: SimulatorContext) =>
  failure(c, 'INVALID_ARGUMENT', 'API key not valid. Please pass a valid API key.', [
    { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'API_KEY_INVALID', domain: 'googleapis.com' },
  ])

export const modelNotFound = (c: SimulatorContext, model: string) =>
  failure(c, 'NOT_FOUND', `models/${model} is not found for API version v1beta`)

const retryInfo = (seconds: number | string): Detail => ({
  '@type': 'type.googleapis.com/google.rpc.RetryInfo',
  retryDelay: `${seconds}s`,
})
const quotaFailure = (quotaId: string): Detail => ({
  '@type': 'type.googleapis.com/google.rpc.QuotaFailure',
  violations: [{ quotaMetric: 'generativelanguage.googleapis.com/generate_requests_per_model', quotaId }],
})
const MISLEADING_DELAY_SECONDS = 47

export const geminiErrors: ProviderErrors = {
  rateLimited(c, retryAfterSeconds) {
    const message = 'You exceeded your current quota. Please retry later.'
    if (retryAfterSeconds === null) return failure(c, 'RESOURCE_EXHAUSTED', message)
    const details = [quotaFailure('GenerateRequestsPerMinutePerProjectPerModel'), retryInfo(retryAfterSeconds)]
    return failure(c, 'RESOURCE_EXHAUSTED', message, details)
  },
  /** A daily quota also has a delay of only seconds: its id alone shows that it is daily. */
  quotaExceeded: (c) =>
    failure(c, 'RESOURCE_EXHAUSTED', 'You exceeded your current quota, please check your plan and billing details.', [
      quotaFailure('GenerateRequestsPerDayPerProjectPerModel'),
      retryInfo(MISLEADING_DELAY_SECONDS),
    ]),
  overloaded: (c) => failure(c, 'UNAVAILABLE', 'The model is overloaded. Please try again later.'),
  accessDenied: (c) => failure(c, 'PERMISSION_DENIED', 'The caller does not have permission'),
  failed: (c) => failure(c, 'INTERNAL', 'An internal error has occurred.'),
}
