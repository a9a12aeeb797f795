/** This repository's own integrations hold what has to hold for any. */
import { describe } from 'vitest'
import { fangzhouVideoGeneration } from '@/integrations/fangzhouVideoGeneration/index.js'
import { nanobanana2ImageGeneration } from '@/integrations/nanobanana2ImageGeneration/index.js'
import * as activities from '@/integrations/test-async-task/activities/index.js'
import { testAsyncTask } from '@/integrations/test-async-task/index.js'
import { contractSuite } from '@/testing/index.js'
import { createArkSimulator, createImageGatewaySimulator } from '@/tools/simulators/index.js'

describe('videos', () =>
  contractSuite(fangzhouVideoGeneration, {
    createSimulator: createArkSimulator,
    section: { model: 'doubao-seedance-1-0-pro' },
    request: { prompt: 'A paper boat on a puddle', duration: 2 },
    result: { video: { mimeType: 'video/mp4' }, simulated: false },
  }))

describe('images', () =>
  contractSuite(nanobanana2ImageGeneration, {
    createSimulator: createImageGatewaySimulator,
    result: { images: [{ mimeType: 'image/png' }] },
  }))

describe('test tasks', () =>
  contractSuite(testAsyncTask, {
    workflows: new URL('../../integrations/test-async-task/workflows/index.ts', import.meta.url),
    activities,
    result: { success: true, message: 'hello' },
  }))
