import { MockActivityEnvironment } from '@temporalio/testing'
import pino from 'pino'
import { expect, test } from 'vitest'
import { loadConfig } from '@/config/load.js'
import { createActivities as createVideoActivities } from '@/integrations/fangzhouVideoGeneration/activities/index.js'
import { createActivities as createImageActivities } from '@/integrations/nanobanana2ImageGeneration/activities/index.js'
import { freePort } from '@/tools/temporal/free-port.js'
import { activityContext } from '../async-task-component/support.js'

test('where a simulator is not there, the log at the start and each failure say how to start it', async () => {
  const [ark, images] = await Promise.all([freePort(), freePort()])
  const env = {
    ARK_SIMULATOR_URL: `http://127.0.0.1:${ark}/api/v3`,
    IMAGE_SIMULATOR_URL: `http://127.0.0.1:${images}/v1`,
  }
  const said: string[] = []
  const logger = pino({ level: 'warn' }, { write: (line: string) => void said.push(JSON.parse(line).msg) })
  const context = { ...activityContext, integrations: loadConfig({ mode: 'local', env }).integrations, logger }
  const startArk = `npm run simulator -- ark --port ${ark}`
  const startImages = `npm run simulator -- image-gateway --port ${images}`

  const { create: createVideoTask } = createVideoActivities(context)
  const { createResult: generateImage } = createImageActivities(context)
  expect(said).toEqual([expect.stringContaining(startArk), expect.stringContaining(startImages)])

  const key = { taskKey: 'key', attempt: 1 }
  const request = { prompt: 'A kite' } as never
  const activity = new MockActivityEnvironment()
  await expect(activity.run(createVideoTask, request, { ...key, apiCallId: '1' }, 'http://main')).rejects.toMatchObject(
    {
      message: expect.stringMatching(new RegExp(`The simulator does not run: ${startArk}$`)),
    },
  )
  await expect(activity.run(generateImage, request, key)).rejects.toMatchObject({
    message: expect.stringMatching(new RegExp(`The simulator does not run: ${startImages}$`)),
  })
})
