/** The application's entities that request tasks. An integration that is not listed here has an entity of its own. */
import type { TaskSource } from '../../package/index.js'

/** The columns that each of them has. */
const columns = {
  dueAtProperty: 'dueAt',
  priorityProperty: 'priority',
  userProperty: 'userId',
  webhookProperty: 'webhook',
}

export const sources: Readonly<Record<string, TaskSource<object>>> = {
  fangzhouVideoGeneration: promptSource('VideoGeneration', 'video'),
  nanobanana2ImageGeneration: promptSource('ImageGeneration', 'image'),
  testAsyncTask: {
    entityName: 'TestTask',
    toRequestParams: (record) => ({ ...(record.options as object) }),
    ...columns,
    api: { namespace: 'test', createName: 'run', toRecord: (options) => ({ options }) },
  },
}

/** An entity that has a column for the prompt, and keeps the rest of the request as `options`. */
function promptSource(entityName: string, namespace: string): TaskSource<object> {
  return {
    entityName,
    toRequestParams: ({ prompt, options }) => ({
      ...(typeof prompt === 'string' && { prompt }),
      ...(options as object),
    }),
    ...columns,
    api: {
      namespace,
      createName: 'generate',
      toRecord: ({ prompt, ...options }: { prompt?: string }) => ({ prompt, options }),
    },
  }
}
