/**
 * Compares main's answers, as the proxies saw them, with the event table: finds reports that were accepted with a token
 * that was not the row's at that time, and accepted reports of which nothing is stored.
 */
import { z } from 'zod'
import type { Exchange } from '../system/fault-proxy.js'
import type { StoredTask } from './database.js'
import type { TokenSpan } from './event-table.js'
import type { Violation } from './violation.js'

const reportSchema = z.object({
  apiCallId: z.string(),
  status: z.string(),
  attempt: z.number().optional(),
  fencingToken: z.string().optional(),
  runId: z.string().optional(),
})
type Report = z.output<typeof reportSchema>
type Accepted = Exchange & { report: Report }
const claimAnswerSchema = z.object({ attempt: z.number(), fencingToken: z.string() })

/** Node's clock counts whole milliseconds, the database's does not. */
const CLOCK_STEP_MS = 2

/** The accepted reports on one task, of all the exchanges with its report API. */
export function judgeAnswers(
  task: StoredTask,
  spans: readonly TokenSpan[],
  accepted: readonly Accepted[],
): Violation[] {
  return accepted.flatMap((exchange) => {
    const { report } = exchange
    const claim = report.status === 'queued'
    const byToken = !claim && report.fencingToken !== undefined
    const title = `${report.status} of attempt ${report.attempt ?? '?'} by ${report.runId ?? report.fencingToken ?? '?'}`
    const wrong: string[] = []
    const others = accepted.filter((other) => other !== exchange)
    if (byToken && !wasCurrent(report, spans, exchange) && !isRepeated(task, spans, exchange, others)) {
      wrong.push(`${title} was accepted, and its token was not the row's`)
    }
    if (!isStored(task, exchange)) wrong.push(`${title} was answered as accepted, and is not stored`)
    return wrong.map((what) => ({ counts: 'staleWritesAccepted' as const, task: `${task.kind} ${task.id}`, what }))
  })
}

/** The exchanges in which a report on a task was accepted, by the task's namespace and id. */
export function acceptedReports(exchanges: readonly Exchange[]): Map<string, Accepted[]> {
  const byTask = new Map<string, Accepted[]>()
  for (const exchange of exchanges) {
    const [, namespace] = /^\/api\/([^/]+)\/report/.exec(exchange.path) ?? []
    const report = reportSchema.safeParse(exchange.asked).data
    if (namespace === undefined || report === undefined || exchange.status !== 200) continue
    const key = `${namespace}:${report.apiCallId}`
    byTask.set(key, [...(byTask.get(key) ?? []), { ...exchange, report }])
  }
  return byTask
}

/** Main decided between the two times: was the token the row's at any moment between them? */
function wasCurrent({ fencingToken }: Report, spans: readonly TokenSpan[], { sentAt, answeredAt }: Exchange): boolean {
  return spans.some(
    ({ token, from, until }) =>
      token === fencingToken && from <= answeredAt + CLOCK_STEP_MS && sentAt <= until + CLOCK_STEP_MS,
  )
}

/**
 * Anybody may repeat an outcome of an attempt, which changes nothing. If it was stored only while this report was under
 * way, another report must account for it: by a run, or by the token of that time.
 */
function isRepeated(
  { events }: StoredTask,
  spans: readonly TokenSpan[],
  { report: { status, attempt }, sentAt, answeredAt }: Accepted,
  others: readonly Accepted[],
): boolean {
  const event = events.find((candidate) => candidate.type === status && candidate.attempt === attempt)
  if (event === undefined || event.at * 1000 > answeredAt + CLOCK_STEP_MS) return false
  if (event.at * 1000 < sentAt) return true
  return others.some(
    (other) =>
      other.report.status === status &&
      other.report.attempt === attempt &&
      (other.report.runId !== undefined || wasCurrent(other.report, spans, other)),
  )
}

/** What each accepted report must have left, now or earlier: an event, or a note on the row. */
function isStored(task: StoredTask, { report, answered, sentAt, answeredAt }: Accepted): boolean {
  const stored = (type: string, fits: (event: StoredTask['events'][number]) => boolean) =>
    task.events.some((event) => event.type === type && event.at * 1000 <= answeredAt + CLOCK_STEP_MS && fits(event))
  switch (report.status) {
    case 'queued': {
      const answer = claimAnswerSchema.safeParse(answered).data
      return (
        answer !== undefined &&
        stored('queued', (event) => event.fencingToken === answer.fencingToken && event.attempt === answer.attempt)
      )
    }
    case 'begin':
      return stored('begun', (event) => event.runId === report.runId && event.attempt === report.attempt)
    case 'processing':
    case 'waiting':
    case 'completed':
    case 'failed':
    case 'released':
      return stored(report.status, (event) => event.attempt === report.attempt)
    case 'running':
      // Noted on the row, until a claim or a cancel erases it.
      return (
        (task.state.checkedAt ?? 0) * 1000 >= sentAt - CLOCK_STEP_MS ||
        task.events.some(
          ({ type, at }) => (type === 'queued' || type === 'cancelled') && at * 1000 >= sentAt - CLOCK_STEP_MS,
        )
      )
    default:
      return true
  }
}
