import type { z } from 'zod'
import { type API, createAPI } from '../../lib/api.js'
import { reportSchema } from '../../protocol/messages.js'
import { reportAnswerSchema } from '../../protocol/wire.js'
import { requestOfTask, type TaskAPIOptions } from './carry-out.js'

export interface ReportTaskEventOptions extends TaskAPIOptions {
  /** The API's name, as `reportFangzhouVideoResult`. */
  name: string
  /** What a run may report as its result. */
  resultSchema: z.ZodType
}

/**
 * Makes an integration's report API: claims and verdicts of task processors, and what runs report.
 *
 * It answers 200 only for what is stored; 409 with the reason for what the protocol refuses; 404 where
 * there is no such task. A storage fault is thrown, and so answered with a 5xx: the caller tries again.
 */
export function createReportTaskEventAPI(options: ReportTaskEventOptions): API {
  const { namespace, name, resultSchema } = options
  return createAPI({
    name,
    namespace,
    method: 'POST',
    internal: true,
    summary: `Claims of, and reports on, ${namespace} tasks`,
    params: reportSchema(resultSchema),
    answer: reportAnswerSchema,
    async callback(_context, { apiCallId, ...request }) {
      const { answer, state } = await requestOfTask(this, options, apiCallId, request)
      return { success: true as const, status: state.status, ...answer.claim, ...answer.begin }
    },
  })
}
