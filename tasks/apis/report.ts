import type { z } from 'zod'
import { type API, createAPI } from '../../lib/api.js'
import { reportSchema } from '../../protocol/messages.js'
import { reportAnswerSchema } from '../../protocol/wire.js'
import { traceOfClaim } from '../claim-spans.js'
import { requestOfTask, type TaskAPIOptions } from './carry-out.js'

/**
 * Makes an integration's report API: claims and verdicts of task processors, and reports of runs.
 *
 * It answers 200 only if the report is stored; 409 with the reason if the protocol refuses it; 404 if the task does not
 * exist. A storage fault is thrown, and so answered with a 5xx: the caller retries.
 *
 * @param name the API's name, such as `reportFangzhouVideoResult`
 * @param resultSchema what a run may report as its result
 */
export function createReportTaskEventAPI(options: TaskAPIOptions, name: string, resultSchema: z.ZodType): API {
  const { namespace } = options
  return createAPI({
    name,
    namespace,
    method: 'POST',
    internal: true,
    summary: `Claims of, and reports on, ${namespace} tasks`,
    params: reportSchema(resultSchema),
    answer: reportAnswerSchema,
    async callback(_context, { apiCallId, ...request }) {
      const { answer, state, task } = await requestOfTask(options, apiCallId, request)
      const trace = answer.claim && traceOfClaim(task, state)
      return { success: true as const, status: state.status, ...answer.claim, ...trace, ...answer.begin }
    },
  })
}
