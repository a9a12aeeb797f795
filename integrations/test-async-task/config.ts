import { z } from 'zod'
import { booleanFromText, numberFromText } from '../../lib/from-text.js'

export const testAsyncTaskConfigSchema = z.strictObject({
  enabled: booleanFromText.default(true),
  /** Most tasks in flight at once; the others wait as pending. Default: any number. */
  maxTasksInFlight: numberFromText(z.number().int().min(0)).optional(),
  /** Most tasks that one user may have open, which are those that have not ended. Default: any number. */
  maxOpenTasksPerUser: numberFromText(z.number().int().min(1)).optional(),
})
