import { defineIntegration } from '../../provider-kit/definition/define.js'
import { testTaskRequestSchema, testTaskResultSchema } from './schemas.js'

/** Tasks that need no provider: the whole path of a task, with nothing paid at its end. */
export const testAsyncTask = defineIntegration({
  name: 'test-async-task',
  env: 'TEST',
  request: testTaskRequestSchema,
  result: testTaskResultSchema,
  example: { kind: 'multiStep', message: 'hello' },
  custom: { workflow: 'asyncTestTaskWorkflow' },
})
