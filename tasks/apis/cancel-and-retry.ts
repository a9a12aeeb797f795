/** APIs for operators, and for other parts of the application: cancel a task, allow it more attempts, let it through. */
import { type API, type APIContext, createAPI } from '../../lib/api.js'
import { cancelTaskSchema, letThroughSchema, type OperatorRequest, retryTaskSchema } from '../../protocol/messages.js'
import { operatorAnswerSchema } from '../../protocol/wire.js'
import { recordAct, whoActs } from '../operator-acts.js'
import { requestOfTask, type TaskAPIOptions } from './carry-out.js'

/** Makes `POST cancelTask`, `retryTask` and `letThrough`. They record who asked, and accept either of the task's ids. */
export function createOperatorAPIs(options: TaskAPIOptions): API[] {
  const { namespace } = options
  const common = { namespace, internal: true, operator: true, answer: operatorAnswerSchema }
  return [
    createAPI({
      ...common,
      name: 'cancelTask',
      summary: `Cancel a ${namespace} task that is not over; its run is cancelled too`,
      params: cancelTaskSchema,
      callback: (context, { apiCallId, ...cancel }) =>
        actOnTask(options, context, 'cancelTask', apiCallId, { status: 'cancelled', ...cancel }),
    }),
    createAPI({
      ...common,
      name: 'retryTask',
      summary: `Allow a failed ${namespace} task more attempts, the first of them now`,
      params: retryTaskSchema,
      callback: (context, { apiCallId, ...retry }) =>
        actOnTask(options, context, 'retryTask', apiCallId, { status: 'retry', ...retry }),
    }),
    createAPI({
      ...common,
      name: 'letThrough',
      summary: `Let a waiting ${namespace} task begin though a budget is used up`,
      params: letThroughSchema,
      callback: (context, { apiCallId, ...letThrough }) =>
        actOnTask(options, context, 'letThrough', apiCallId, { status: 'letThrough', ...letThrough }),
    }),
  ]
}

/** Carries an operator's request out, and records it in the same transaction, with its refusal if it is refused. */
export async function actOnTask(
  options: TaskAPIOptions,
  context: APIContext,
  act: string,
  idOrKey: string,
  request: OperatorRequest,
) {
  const { namespace: integration, store } = options
  const { by, reason: why } = request
  const asked = { ...request, from: 'operator' } as const
  const rowId = await store().findRowId(idOrKey)
  const { state } = await requestOfTask(options, rowId, asked, ({ task, answer, state }) => {
    const outcome = answer.ok ? { status: state.status } : { refused: answer.reason, status: state.status }
    const what = { act, integration, task: task.taskKey, outcome }
    return recordAct(store().controller, { who: whoActs(context), by, why, ...what })
  })
  return { success: true as const, status: state.status }
}
