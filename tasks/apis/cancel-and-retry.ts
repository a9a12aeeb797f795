/** APIs for operators, and for other parts of the application: cancel a task, or allow it more attempts. */
import { type API, createAPI } from '../../lib/api.js'
import { cancelTaskSchema, retryTaskSchema } from '../../protocol/messages.js'
import { operatorAnswerSchema } from '../../protocol/wire.js'
import { requestOfTask, type TaskAPIOptions } from './carry-out.js'

/** Makes `POST cancelTask` and `POST retryTask`. Both record who asked, and accept either of the task's ids. */
export function createOperatorAPIs(options: TaskAPIOptions): API[] {
  const { namespace, store } = options
  const common = { namespace, internal: true, operator: true, answer: operatorAnswerSchema }
  return [
    createAPI({
      ...common,
      name: 'cancelTask',
      summary: `Cancel a ${namespace} task that is not over; its run is cancelled too`,
      params: cancelTaskSchema,
      async callback(_context, { apiCallId, ...cancel }) {
        const request = { from: 'operator', status: 'cancelled', ...cancel } as const
        const { state } = await requestOfTask(options, await store().findRowId(apiCallId), request)
        return { success: true as const, status: state.status }
      },
    }),
    createAPI({
      ...common,
      name: 'retryTask',
      summary: `Allow a failed ${namespace} task more attempts, the first of them now`,
      params: retryTaskSchema,
      async callback(_context, { apiCallId, ...retry }) {
        const request = { from: 'operator', status: 'retry', ...retry } as const
        const { state } = await requestOfTask(options, await store().findRowId(apiCallId), request)
        return { success: true as const, status: state.status }
      },
    }),
  ]
}
