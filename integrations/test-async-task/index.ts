import { defineIntegration } from '../../provider-kit/definition/define.js'
import { testTaskRequestSchema, testTaskResultSchema } from './schemas.js'

/** Tasks without a provider: they exercise the whole path of a task, at no cost. */
export const testAsyncTask = defineIntegration({
  name: 'test-async-task',
  env: 'TEST',
  request: testTaskRequestSchema,
  result: testTaskResultSchema,
  example: { kind: 'multiStep', message: 'hello' },
  custom: { workflow: 'asyncTestTaskWorkflow' },
})
