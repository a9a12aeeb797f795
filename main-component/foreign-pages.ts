/** Cross-site request forgery: browsers post for any site's pages, with the user's session, from the user's network. */
import type { MiddlewareHandler } from 'hono'
import { csrf } from 'hono/csrf'
import { HTTPException } from 'hono/http-exception'

const check = csrf()

/**
 * Refuses with 403 the cross-site posts that browsers send without a preflight request. Posts of `application/json`
 * pass: they need a preflight, which main refuses.
 */
export const refuseForeignPages: MiddlewareHandler = async (c, next) => {
  // Every cross-site post names its origin; programs send none.
  if (c.req.header('origin') !== undefined) {
    await check(c, async () => {}).catch((cause: unknown) => {
      const message = 'A page of another site cannot ask for this, unless by a post with content-type: application/json'
      throw new HTTPException(403, { message, cause })
    })
  }
  await next()
}
