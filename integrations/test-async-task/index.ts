import type { IIntegrationConstructor } from '../index.js'
import { createPullIntegration, type PullIntegrationOptions } from '../pull-integration.js'
import { type TestTaskRequest, testTaskRequestSchema, testTaskResultSchema } from './schemas.js'

/** Tasks that need no provider: the whole path of a task, with nothing paid at its end. */
export function createTestAsyncTaskIntegration(
  options: PullIntegrationOptions<Partial<TestTaskRequest>>,
): IIntegrationConstructor {
  return createPullIntegration(
    {
      name: 'test-async-task',
      entityPrefix: 'TestAsyncTask',
      workflowName: 'asyncTestTaskWorkflow',
      reportAPIName: 'reportTestAsyncTaskResult',
      requestSchema: testTaskRequestSchema,
      resultSchema: testTaskResultSchema,
    },
    options,
  )
}
