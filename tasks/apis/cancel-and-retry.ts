/** What operators, and the application's other parts, may do with a task: cancel it, or allow it more attempts. */
import { type API, createAPI } from '../../lib/api.js'
import { cancelTaskSchema, retryTaskSchema } from '../../protocol/messages.js'
import { operatorAnswerSchema } from '../../protocol/wire.js'
import { operatorRequestOfTask, type TaskAPIOptions } from './carry-out.js'

/** Makes `POST cancelTask` and `POST retryTask`. Both record who asked. */
export function createOperatorAPIs(options: TaskAPIOptions): API[] {
  const { namespace } = options
  return [
    createAPI({
      name: 'cancelTask',
      namespace,
      internal: true,
      operator: true,
      summary: `Cancel a ${namespace} task that is not over; its run is cancelled too`,
      params: cancelTaskSchema,
      answer: operatorAnswerSchema,
      async callback(_context, { apiCallId, ...cancel }) {
        const { status } = await operatorRequestOfTask(this, options, apiCallId, {
          from: 'operator',
          status: 'cancelled',
          ...cancel,
        })
        return { success: true as const, status }
      },
    }),
    createAPI({
      name: 'retryTask',
      namespace,
      internal: true,
      operator: true,
      summary: `Allow a failed ${namespace} task more attempts, the first of them now`,
      params: retryTaskSchema,
      answer: operatorAnswerSchema,
      async callback(_context, { apiCallId, ...retry }) {
        const { status } = await operatorRequestOfTask(this, options, apiCallId, {
          from: 'operator',
          status: 'retry',
          ...retry,
        })
        return { success: true as const, status }
      },
    }),
  ]
}
