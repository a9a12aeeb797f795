import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow'
import type { AttemptInput, AttemptOutcome } from '../../shared/task.js'
import { runProviderTask } from '../../shared/workflow/provider-task-job.js'
import { runAttempt } from '../../shared/workflow/run-attempt.js'
import type { VideoActivities } from '../activities/index.js'
import type { VideoRequest, VideoResult } from '../schemas.js'

const { videoSettings } = proxyLocalActivities<VideoActivities>({ startToCloseTimeout: '10 seconds' })
const { storeVideo } = proxyActivities<VideoActivities>({
  startToCloseTimeout: '11 minutes',
  heartbeatTimeout: '30 seconds',
  retry: { initialInterval: '2 seconds', maximumInterval: '1 minute', maximumAttempts: 10 },
})

/** Has Ark make a video, waits for it and stores it; goes on with what an earlier attempt had made, if it can. */
export async function videoPollingWorkflow(input: AttemptInput<VideoRequest>): Promise<AttemptOutcome<VideoResult>> {
  const { requestParams, taskKey, attempt } = input
  const key = { taskKey, attempt }

  return runAttempt(input, async (run) => {
    const settings = await videoSettings()
    // One request each: the workflow decides what a failure means, and when to ask again.
    const ark = proxyActivities<VideoActivities>({
      startToCloseTimeout: settings.requestTimeoutMs + 10_000,
      heartbeatTimeout: '30 seconds',
      retry: { maximumAttempts: 1 },
    })
    const provider = {
      create: () => ark.createVideoTask(requestParams, key),
      get: ark.getVideoTask,
      find: (attempts: number[]) => ark.findVideoTask(taskKey, attempts),
      cancel: ark.cancelVideoTask,
    }
    return runProviderTask(run, attempt, provider, settings, (id) => storeVideo(id, key))
  })
}
