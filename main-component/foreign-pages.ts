/** Browsers post for the pages of any site, with their user's session, and from within the user's own network. */
import type { MiddlewareHandler } from 'hono'
import { csrf } from 'hono/csrf'
import { HTTPException } from 'hono/http-exception'

const check = csrf()

/**
 * Refuses with 403 what a page of another site may have its visitor's browser post. Posts of `application/json` pass:
 * there browsers ask first whether they may, and main says no.
 */
export const refuseForeignPages: MiddlewareHandler = async (c, next) => {
  // Every post between sites names its origin; programs name none.
  if (c.req.header('origin') !== undefined) {
    await check(c, async () => {}).catch((cause: unknown) => {
      const message = 'A page of another site cannot ask for this, unless by a post with content-type: application/json'
      throw new HTTPException(403, { message, cause })
    })
  }
  await next()
}
