import { z } from 'zod'

export const testAsyncTaskConfigSchema = z.strictObject({
  enabled: z.boolean().default(true),
  /** Most tasks in flight at once; the others wait as pending. Default: any number. */
  maxTasksInFlight: z.number().int().min(0).optional(),
  /** Most tasks that one user may have open, which are those that have not ended. Default: any number. */
  maxOpenTasksPerUser: z.number().int().min(1).optional(),
})
