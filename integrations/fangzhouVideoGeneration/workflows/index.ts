import { proxyLocalActivities } from '@temporalio/workflow'
import type { AttemptInput, AttemptOutcome } from '../../../protocol/attempt.js'
import {
  readAllWithin,
  readWithin,
  requestOnce,
  storeResult,
} from '../../../provider-kit/workflow/provider-activities.js'
import { runProviderTask, type TaskProvider } from '../../../provider-kit/workflow/provider-task-job.js'
import { runAttempt } from '../../../provider-kit/workflow/run-attempt.js'
import type { VideoActivities } from '../activities/index.js'
import type { VideoRequest, VideoResult } from '../schemas.js'

const { videoSettings } = proxyLocalActivities<VideoActivities>({ startToCloseTimeout: '10 seconds' })

/** Has Ark make a video, waits for it and stores it; goes on with what an earlier attempt had made, if it can. */
export async function videoPollingWorkflow(input: AttemptInput<VideoRequest>): Promise<AttemptOutcome<VideoResult>> {
  const { requestParams, taskKey, attempt, callbackUrl } = input
  const key = { taskKey, attempt }

  return runAttempt(input, async (run) => {
    const settings = await videoSettings()
    const once = requestOnce<VideoActivities>(settings)
    const read = (leftMs: number) => readWithin<VideoActivities>(settings, leftMs)
    const provider: TaskProvider = {
      create: () => once.createVideoTask(requestParams, key, callbackUrl),
      get: (id, leftMs) => read(leftMs).getVideoTask(id),
      lookUp: {
        find: (attempts, leftMs) => readAllWithin<VideoActivities>(leftMs).findVideoTask(taskKey, attempts),
      },
      cancel: once.cancelVideoTask,
    }
    const { storeVideo } = storeResult<VideoActivities>()
    return runProviderTask(run, input, provider, settings, (id) => storeVideo(id, key, requestParams))
  })
}
