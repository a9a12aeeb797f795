import { createHash } from 'node:crypto'
import type { AttemptKey } from '../workflow/shared-activities.js'
import type { Mark } from './shapes.js'

/** The mark of an attempt, always the same. */
export function markOf({ taskKey, attempt }: AttemptKey): Mark {
  const hash = createHash('sha256').update(`${taskKey}:${attempt}`).digest()
  // 31 bits: providers' documents differ on whether seeds may have 32.
  return { mark: `task-${hash.toString('hex', 4, 14)}`, seed: hash.readUInt32BE(0) >>> 1 }
}
