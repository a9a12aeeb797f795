import { z } from 'zod'
import { providerConfigSchema } from '../shared/provider-config.js'

export const fangzhouConfigSchema = providerConfigSchema.safeExtend({
  /** Pause between two looks at a video that is being made, in seconds. Default 10; the simulator is always asked every second. */
  pollSeconds: z.number().min(1).max(600).default(10),
})
