import { patched, proxyLocalActivities } from '@temporalio/workflow'
import type { AttemptInput, AttemptOutcome } from '../../../protocol/attempt.js'
import { Patience } from '../../../provider-kit/workflow/patience.js'
import { requestOnce } from '../../../provider-kit/workflow/provider-activities.js'
import { runAttempt } from '../../../provider-kit/workflow/run-attempt.js'
import { createWithoutLookUp, type NoLookUp } from '../../../provider-kit/workflow/unanswered-create.js'
import type { ImageActivities } from '../activities/index.js'
import type { ImageRequest, ImageResult } from '../schemas.js'

const { imageSettings } = proxyLocalActivities<ImageActivities>({ startToCloseTimeout: '10 seconds' })

/**
 * Has an image made and stored. The gateway has no tasks to look up: whether a request whose answer was lost made
 * an image, in this attempt or an earlier one, stays unknown, and the configuration says what to do then.
 */
export async function imageGenerationWorkflow(input: AttemptInput<ImageRequest>): Promise<AttemptOutcome<ImageResult>> {
  const { requestParams, taskKey, attempt } = input

  return runAttempt(input, async (run) => {
    const settings = await imageSettings()
    const lookUp: NoLookUp = { impossible: true, onAmbiguousCreate: settings.onAmbiguousCreate }
    const gateway = requestOnce<ImageActivities>(settings)
    const patience = new Patience(run, input, settings.deadlineSeconds)
    // Nothing is spent where main refuses. The create intent stays open: the answer can still be lost. Runs that 0.1.0
    // began told main once the image was there.
    const tellsBefore = patched('processing-before-the-request')
    if (tellsBefore) await run.reportProcessing()
    const result = await createWithoutLookUp(patience, run.begun.openIntents, lookUp, () =>
      gateway.generateImage(requestParams, { taskKey, attempt }),
    )
    if (!tellsBefore) await run.reportProcessing()
    return result
  })
}
