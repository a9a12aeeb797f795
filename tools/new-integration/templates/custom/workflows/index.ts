/** Runs in Temporal's sandbox: of activities it imports the types only, and it asks nobody but them. */
import { proxyActivities } from '@temporalio/workflow'
import type { AttemptInput, AttemptOutcome } from '../../../../../protocol/attempt.js'
import { runAttempt } from '../../../../../provider-kit/workflow/run-attempt.js'
import type * as activities from '../activities/index.js'

const { countWords } = proxyActivities<typeof activities>({ startToCloseTimeout: '30 seconds' })

export async function newIntegrationWorkflow(
  input: AttemptInput<{ text: string }>,
): Promise<AttemptOutcome<{ words: number }>> {
  return runAttempt(
    input,
    async (run) => {
      await run.reportProcessing()
      return { words: await countWords(input.requestParams.text) }
    },
    // Nothing is asked for that costs money.
    { createIntent: false },
  )
}
