import { ApplicationFailure, Context } from '@temporalio/activity'
import { withTimeout } from '../lib/abort.js'
import { exchange } from '../lib/exchange.js'
import { jsonOf } from '../lib/json.js'
import { createRedactor } from '../lib/redaction.js'
import { describeSpan, nameSpan, traceHeaders } from '../lib/tracing.js'
import type { Begin, Begun, RunReport, TaskStatus } from '../protocol/index.js'
import { ANSWER_TIMEOUT_MS } from '../protocol/limits.js'
import { type ReportAnswer, refusalSchema, reportAnswerSchema } from '../protocol/wire.js'
import type { ActivityContext } from './activity-context.js'

const MAX_EXCERPT_LENGTH = 500

type Of<Report> = Report & { apiCallId: string; taskKey: string }
/** `taskStatus` is the task's status, if main knows the task. */
export type RefusedReply = { accepted: false; reason: string; taskStatus?: TaskStatus }
export type BeginReply = { accepted: true; begun: Begun } | RefusedReply
export type ReportReply = { accepted: true } | RefusedReply

export type TaskActivities = {
  /** Reports that this run begins its attempt, before it spends anything. */
  beginAttempt(callbackUrl: string, report: Of<Begin>): Promise<BeginReply>
  /** Reports the attempt's progress. */
  reportAttempt(callbackUrl: string, report: Of<Exclude<RunReport, Begin>>): Promise<ReportReply>
}

/**
 * The activities by which every workflow reports to main. A definite refusal (409, 404) is a value. A report that main
 * cannot accept (400, 413) is a non-retryable failure of type `report_rejected`. Everything else, also a wrong token,
 * throws: Temporal retries until main stores the report or refuses it.
 */
export function createTaskActivities(context: Pick<ActivityContext, 'mainUrl' | 'internalToken'>): TaskActivities {
  return {
    async beginAttempt(callbackUrl, report) {
      const answer = await post(context, callbackUrl, report)
      if (!answer.accepted) return answer
      const { providerTask, openIntents = [] } = answer.body
      return { accepted: true, begun: { ...(providerTask && { providerTask }), openIntents } }
    },

    async reportAttempt(callbackUrl, report) {
      const answer = await post(context, callbackUrl, report).catch((error: unknown) => {
        if (!('usage' in report) || !isRejected(error)) throw error
        // A main of an earlier version knows no usage: no outcome is lost for that.
        const { usage: _, ...known } = report
        return post(context, callbackUrl, known)
      })
      return answer.accepted ? { accepted: true } : answer
    },
  }
}

function isRejected(error: unknown): boolean {
  return error instanceof ApplicationFailure && error.type === 'report_rejected'
}

type Answered = { accepted: true; body: ReportAnswer } | RefusedReply
type Reporting = Pick<ActivityContext, 'mainUrl' | 'internalToken'>

async function post(context: Reporting, callbackUrl: string, report: Of<RunReport>): Promise<Answered> {
  nameSpan(`report ${report.status}`)
  // Only the path comes from the arguments: the token is sent to the configured main, and to no other host.
  const { pathname, search } = new URL(callbackUrl)
  const url = new URL(pathname + search, context.mainUrl)
  const { status, text } = await withTimeout(ANSWER_TIMEOUT_MS, [Context.current().cancellationSignal], (signal) =>
    exchange(url, {
      method: 'POST',
      headers: {
        ...traceHeaders(),
        authorization: `Bearer ${context.internalToken}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify(report),
      signal,
    }),
  )
  describeSpan({ 'http.response.status_code': status })
  const body = jsonOf(text)
  const answer = reportAnswerSchema.safeParse(body).data
  if (status === 200 && answer) return { accepted: true, body: answer }
  const refusal = refusalSchema.safeParse(body).data
  // A 404 or 413 without main's own body may come from a proxy, which does not know the task.
  if ((status === 409 || status === 404) && refusal) {
    return { accepted: false, reason: refusal.error, ...(refusal.status && { taskStatus: refusal.status }) }
  }
  // Truncate last: a proxy may repeat the token, and half of it would not be recognised.
  const excerpt = () => createRedactor([context.internalToken])(text).slice(0, MAX_EXCERPT_LENGTH)
  const said = `${url.pathname} answered ${status}: ${refusal?.error ?? excerpt()}`
  if (status === 400 || (status === 413 && refusal)) throw ApplicationFailure.nonRetryable(said, 'report_rejected')
  throw ApplicationFailure.retryable(said, 'main_unavailable')
}
