import { z } from 'zod'
import { numberFromText } from '../../lib/from-text.js'
import { providerConfigSchema } from '../../provider-kit/provider/config.js'

/** What stands in for Ark where there is no key: `npm run simulator -- ark`. */
export const ARK_SIMULATOR = 'ark'

export const fangzhouConfigSchema = providerConfigSchema
  .safeExtend({
    /** The provider's limit for one model, where none is given: 10 videos in the making. */
    maxTasksInFlight: numberFromText(z.number().int().min(0)).default(10),
    /** The provider's limit, where none is given: 600. */
    requestsPerMinute: numberFromText(z.number().min(1)).default(600),
    /** When a new video is first looked at, in seconds: five of them take 25 to 40. Default 20. */
    firstPollSeconds: numberFromText(z.number().min(0).max(3600)).default(20),
    /** The shortest pause between two looks, in seconds. Default 10; the simulator is always asked every second. */
    pollSeconds: numberFromText(z.number().min(1).max(600)).default(10),
    /** The longest pause between two looks, in seconds. Default 60. */
    maxPollSeconds: numberFromText(z.number().min(1).max(3600)).default(60),
    /** Where Ark reaches main from outside, to tell that a video has moved on. Default: videos are only polled. */
    callbackBaseUrl: z.url({ protocol: /^https?$/ }).optional(),
    /**
     * A create whose answer was lost is believed not to have happened once the list lacks it for so long after
     * `requestTimeoutMs`, in seconds. Longer than any worker may be paused, or request delayed. Default 60.
     */
    settleSeconds: numberFromText(z.number().min(1).max(3600)).default(60),
  })
  .superRefine(({ deadlineSeconds, requestTimeoutMs, settleSeconds }, context) => {
    const shortest = requestTimeoutMs / 1000 + settleSeconds
    if (deadlineSeconds > shortest) return
    const message = `must be more than ${shortest}, which is requestTimeoutMs and settleSeconds together: no sooner is it certain that a create did not happen`
    context.addIssue({ code: 'custom', path: ['deadlineSeconds'], message })
  })

export type FangzhouConfig = z.output<typeof fangzhouConfigSchema>
