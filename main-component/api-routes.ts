/** Serves the integrations' APIs at `/api/<namespace>/<name>`: token, input, callback, answer. */
import type { Context, Hono } from 'hono'
import type { Controller } from 'interaqt'
import { type API, type APIContext, buildAPIPath } from '../integrations/index.js'
import { followingSignal } from '../integrations/shared/following-signal.js'
import { IDEMPOTENCY_KEY, MAX_IDEMPOTENCY_KEY_LENGTH, parseIdempotencyKey } from '../integrations/shared/idempotency.js'
import type { Admission } from './admission.js'
import type { AppEnv } from './http-app.js'
import { invalidFields, invalidInput } from './invalid-input.js'
import { replaceUnstorable, unstorable } from './unstorable.js'

export interface APIRoutesOptions {
  controller: Controller
  isInternalToken(authorization: string | undefined): boolean
  admission: Admission
  /** Aborted when main stops, so that parked requests answer. */
  stopping: AbortSignal
}

const NO_KEY = {
  field: IDEMPOTENCY_KEY,
  message: `must be one text of 1 to ${MAX_IDEMPOTENCY_KEY_LENGTH} printable ASCII characters, in double quotes`,
}

export function apiPath(api: API): string {
  if (api.namespace === undefined) throw new TypeError(`The API ${api.name} has no namespace`)
  return `/${buildAPIPath(api.namespace, api.name)}`
}

export function serveAPI(
  app: Hono<AppEnv>,
  api: API,
  { controller, isInternalToken, admission, stopping }: APIRoutesOptions,
): void {
  const method = api.method ?? 'POST'
  app.on(method, apiPath(api), async (c) => {
    if (api.internal && !isInternalToken(c.req.header('authorization'))) {
      c.header('www-authenticate', 'Bearer')
      return c.json({ success: false, error: 'The internal token is missing or wrong' }, 401)
    }
    const user = c.get('user')
    if (!api.internal && !api.allowAnonymous && !user) {
      return c.json({ success: false, error: 'Sign in first' }, 401)
    }

    const keyHeader = api.takesIdempotencyKey ? c.req.header(IDEMPOTENCY_KEY) : undefined
    const idempotencyKey = keyHeader === undefined ? undefined : parseIdempotencyKey(keyHeader)
    if (keyHeader !== undefined && idempotencyKey === undefined) return c.json(invalidFields([NO_KEY]), 400)

    const read = () => (method === 'GET' ? Promise.resolve(c.req.query()) : readJSON(c, api))
    return await admission.admit(c, api.internal === true, read, async (body) => {
      if (body === undefined) return c.json(invalidFields([{ field: 'body', message: 'is not JSON' }]), 400)
      const inPath = c.req.param()
      const input = Object.keys(inPath).length === 0 ? body : { ...(body as object), ...inPath }
      const fault = unstorable(input)
      if (fault) return c.json(invalidFields([fault]), 400)
      const params = api.params.safeParse(input)
      if (!params.success) return c.json(invalidInput(params.error), 400)

      const { controller: request, release } = followingSignal(c.req.raw.signal, stopping, c.get('overdue'))
      const context: APIContext = {
        signal: request.signal,
        ...(user && { user }),
        ...(idempotencyKey !== undefined && { idempotencyKey }),
      }
      try {
        return c.json((await api.callback.call(controller, context, params.data)) as object)
      } finally {
        release()
      }
    })
  })
}

/**
 * A user is told which character cannot be stored. A report is taken with it replaced: what a provider said, cut
 * in the middle of a character, must not keep a run's outcome from being stored.
 */
async function readJSON(c: Context, { internal }: API): Promise<unknown> {
  const text = await c.req.text()
  try {
    return internal ? JSON.parse(text, (_key, value) => replaceUnstorable(value)) : JSON.parse(text)
  } catch {
    return undefined
  }
}
