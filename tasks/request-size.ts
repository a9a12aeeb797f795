/** How large a task's parameters may be: each of them passes through claims, Temporal and reports as one message. */
import { APIError } from '../lib/api.js'
import { MAX_BODY_BYTES } from '../protocol/limits.js'

/**
 * The parameters of a task that is created: what could not be passed to its workflow is refused now.
 *
 * @throws APIError 400
 */
export function fitting<Params>(params: Params): Params {
  const bytes = Buffer.byteLength(JSON.stringify(params))
  if (bytes <= MAX_BODY_BYTES) return params
  const error = `The request has ${bytes} bytes as JSON, at most ${MAX_BODY_BYTES} can be passed on: store large values elsewhere, and name them by their URLs`
  throw new APIError(400, { success: false, error, reason: 'request_too_large' })
}
