/** LiteLLM's errors: `code` is the status, as a string. */
import type { z } from 'zod'
import type { ProviderErrors } from '../../../simulator/disturbances.js'
import type { SimulatorContext } from '../../../simulator/http.js'

type Status = 400 | 401 | 403 | 429 | 500 | 503

function failure(
  c: SimulatorContext,
  status: Status,
  type: string,
  message: string,
  param: string | null = null,
): Response {
  return c.json({ error: { message, type, param, code: String(status) } }, status)
}

export function invalid(c: SimulatorContext, { issues: [issue] }: z.ZodError): Response {
  const param = issue?.path.join('.')
  return failure(c, 400, 'invalid_request_error', `${param || 'The request'}: ${issue?.message}`, param)
}

export const unauthorized = (c: SimulatorContext) =>
  failure(c, 401, 'auth_error', 'Authentication Error, the API key is missing or invalid')

export const modelNotFound = (c: SimulatorContext, model: string) =>
  failure(c, 400, 'invalid_request_error', `Invalid model name passed in model=${model}`, 'model')

export const promptRefused = (c: SimulatorContext) => {
  const message = 'litellm.ContentPolicyViolationError: the prompt was rejected by the safety system'
  return failure(c, 400, 'ContentPolicyViolationError', message)
}

export const unreadableReference = (c: SimulatorContext) =>
  failure(c, 400, 'invalid_request_error', 'image_url: cannot be read', 'messages')

export const gatewayErrors: ProviderErrors = {
  rateLimited(c, retryAfterSeconds) {
    if (retryAfterSeconds !== null) c.header('retry-after', String(retryAfterSeconds))
    return failure(c, 429, 'throttling_error', 'litellm.RateLimitError: rate limit exceeded')
  },
  quotaExceeded: (c) => failure(c, 429, 'budget_exceeded', 'Budget has been exceeded'),
  overloaded: (c) => failure(c, 503, 'overloaded_error', 'litellm.ServiceUnavailableError: the model is overloaded'),
  accessDenied: (c) => failure(c, 403, 'key_model_access_denied', 'The key may not use this model'),
  failed: (c) => failure(c, 500, 'internal_server_error', 'litellm.InternalServerError: the upstream failed'),
}
