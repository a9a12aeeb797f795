import { z } from 'zod'

export const testAsyncTaskConfigSchema = z.strictObject({ enabled: z.boolean().default(true) })
