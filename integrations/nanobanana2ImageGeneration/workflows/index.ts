import { proxyLocalActivities } from '@temporalio/workflow'
import type { AttemptInput, AttemptOutcome } from '../../shared/task.js'
import { attemptFailure, describeFailure, failureKind } from '../../shared/workflow/failures.js'
import { Patience } from '../../shared/workflow/patience.js'
import { requestOnce } from '../../shared/workflow/provider-activities.js'
import { runAttempt } from '../../shared/workflow/run-attempt.js'
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
    const mayPayTwice = settings.onAmbiguousCreate === 'retry'
    if (run.begun.openIntents.length > 0 && !mayPayTwice) throw answerLost('an earlier attempt', '', false)

    const gateway = requestOnce<ImageActivities>(settings)
    const patience = new Patience(run, settings.deadlineSeconds)
    // Nothing is spent where main refuses. The create intent stays open: the answer can still be lost.
    await run.reportProcessing()
    try {
      return await patience.whileUnavailable(() => gateway.generateImage(requestParams, { taskKey, attempt }))
    } catch (error) {
      if (failureKind(error) !== 'ambiguous') throw error
      throw answerLost('this attempt', `: ${describeFailure(error).error.message}`, mayPayTwice)
    }
  })
}

/** For good, it leaves an operator to decide: a retry by hand then starts afresh, with no intent open. */
function answerLost(whose: string, how: string, retryable: boolean): Error {
  const message = `The answer to ${whose} was lost, and an image may have been made and charged for${how}`
  return attemptFailure({ code: 'create_answer_lost', message, retryable, providerEnded: !retryable })
}
