/** Opaque cursors (keyset pagination): when the task at a place was created, and what else tells the place. */
import { z } from 'zod'

type Place<Name extends string> = { createdAt: number } & Record<Name, string>

/** @param names of what else is in it, in this order; none of it has blanks */
export function cursorSchema<Name extends string>(names: readonly Name[], message: string) {
  return z
    .string()
    .max(400)
    .transform((text, context): Place<Name> => {
      const [time, ...texts] = Buffer.from(text, 'base64url').toString().split(' ')
      const createdAt = Number(time || Number.NaN)
      const told = names.flatMap((name, index) => (texts[index] ? [[name, texts[index]]] : []))
      if (told.length === names.length && Number.isFinite(createdAt)) {
        return { createdAt, ...Object.fromEntries(told) }
      }
      context.addIssue({ code: 'custom', message })
      return z.NEVER
    })
}

export function spellCursor(createdAt: number, ...texts: string[]): string {
  return Buffer.from([createdAt, ...texts].join(' ')).toString('base64url')
}
