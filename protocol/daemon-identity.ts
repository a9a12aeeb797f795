/** How a daemon says who it is, with each request to main: in a header, which other versions neither send nor read. */
import { z } from 'zod'

export const DAEMON_HEADER = 'async-task-daemon'

export const daemonStateSchema = z.enum(['running', 'draining'])

const daemonIdentitySchema = z.object({
  name: z.string().regex(/^[\x21-\x7e]{1,200}$/),
  version: z.string().regex(/^[\x21-\x7e]{1,50}$/),
  /** `draining`: it finishes what it has, and claims nothing more. */
  state: daemonStateSchema,
  /** It is stopped, and says this last. */
  gone: z.literal('true').optional(),
})

export type DaemonIdentity = z.infer<typeof daemonIdentitySchema>

/** Writes the header's value. */
export function spellDaemon(identity: DaemonIdentity): string {
  return new URLSearchParams(identity).toString()
}

/** Reads the header's value; undefined if there is none, or one that says nothing. */
export function readDaemon(header: string | undefined): DaemonIdentity | undefined {
  if (header === undefined) return undefined
  return daemonIdentitySchema.safeParse(Object.fromEntries(new URLSearchParams(header))).data
}
