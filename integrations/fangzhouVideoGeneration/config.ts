import { z } from 'zod'
import { providerConfigSchema } from '../shared/provider-config.js'

export const fangzhouConfigSchema = providerConfigSchema.safeExtend({
  /** Pause between two looks at a video that is being made, in seconds. Default 10; the simulator is always asked every second. */
  pollSeconds: z.number().min(1).max(600).default(10),
  /**
   * A create whose answer was lost is believed not to have happened once the list lacks it for so long after
   * `requestTimeoutMs`, in seconds. Longer than any worker may be paused, or request delayed. Default 60.
   */
  settleSeconds: z.number().min(1).max(3600).default(60),
})
