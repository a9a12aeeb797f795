import { z } from 'zod'
import { fangzhouConfigSchema } from '../fangzhouVideoGeneration/config.js'
import { nanobanana2ConfigSchema } from '../nanobanana2ImageGeneration/config.js'
import { testAsyncTaskConfigSchema } from '../test-async-task/config.js'

/** The section of the configuration that each integration of this application owns. */
export const integrationsConfigSchema = z.strictObject({
  fangzhouVideoGeneration: fangzhouConfigSchema,
  nanobanana2ImageGeneration: nanobanana2ConfigSchema,
  testAsyncTask: testAsyncTaskConfigSchema,
})
