import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { type API, APIError, createAPI } from '../index.js'
import type { CallEntityNames } from './call-entities.js'
import type { Acceptance, TaskPolicy, TaskRequest, TaskState } from './protocol/index.js'
import { carryOut } from './task-store.js'
import { processorReportSchema, type ReportAnswer, reportAnswerSchema, runReportSchema } from './wire.js'

export interface ReportTaskEventOptions {
  namespace: string
  /** The API's name, as `reportFangzhouVideoResult`. */
  name: string
  entities: CallEntityNames
  /** What a run may report as its result. */
  resultSchema: z.ZodType
  policy: TaskPolicy
}

/**
 * Makes an integration's report API: claims and verdicts of task processors, and what runs report.
 *
 * It answers 200 only for what is stored; 409 with the reason for what the protocol refuses; 404 where
 * there is no such task. A storage fault is thrown, and so answered with a 5xx: the caller tries again.
 */
export function createReportTaskEventAPI({
  namespace,
  name,
  entities,
  resultSchema,
  policy,
}: ReportTaskEventOptions): API {
  return createAPI({
    name,
    namespace,
    method: 'POST',
    internal: true,
    summary: `Claims of, and reports on, ${namespace} tasks`,
    params: z.union([runReportSchema(resultSchema), processorReportSchema(resultSchema)]),
    answer: reportAnswerSchema,
    async callback(_context, { apiCallId, ...request }) {
      const outcome = await carryOut(this, entities, apiCallId, request as TaskRequest, {
        newToken: randomBytes(16).toString('base64url'),
        random: Math.random(),
        policy,
      })
      if (!outcome) throw new APIError(404, { success: false, error: 'Task not found' })
      const { answer, state } = outcome
      if (answer.ok) return accepted(answer, state)
      const { error, reason } = answer
      throw new APIError(409, { success: false, error, reason, status: state.status })
    },
  })
}

function accepted({ claim, begin }: Acceptance, { status }: TaskState): ReportAnswer {
  return { success: true, status, ...claim, ...begin }
}
