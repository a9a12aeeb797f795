/** Client for main's internal APIs. It does not retry; callers decide what a failure means. */
import type { z } from 'zod'
import { withTimeout } from '../lib/abort.js'
import { type Exchange, exchange } from '../lib/exchange.js'
import { jsonOf } from '../lib/json.js'
import { outsideTraces, SpanKind, spannedWithin, traceHeaders } from '../lib/tracing.js'
import { DAEMON_HEADER, type DaemonIdentity, spellDaemon } from '../protocol/daemon-identity.js'
import type { ProcessorReport } from '../protocol/messages.js'
import {
  type ClaimTasks,
  type ClaimTasksAnswer,
  claimTasksAnswerSchema,
  fetchPendingTasksAnswerSchema,
  type PendingTask,
  type ReportAnswer,
  type RunToCheck,
  refusalSchema,
  reportAnswerSchema,
  runsToCheckAnswerSchema,
} from '../protocol/wire.js'
import { MainUnauthorizedError, MainUnavailableError, ReportRefusedError } from './errors.js'

export interface MainClientOptions {
  internalToken: string
  /** Time-out of one request, in milliseconds, including its body. */
  requestTimeoutMs: number
  /** Who asks, for operators. Default: nobody says. */
  daemon?: () => DaemonIdentity
}

/** A processor's report, and its task. */
export type TaskReport = ProcessorReport & { apiCallId: string; taskKey: string }

export interface FetchQuery {
  limit: number
  /** Long poll: how long main may park the request while it has no task; 0 turns it off. */
  waitSeconds: number
}

export class MainClient {
  constructor(private readonly options: MainClientOptions) {}

  /**
   * The claimable tasks, oldest first; if there are none, waits up to `waitSeconds` for some.
   * @throws MainUnavailableError, MainUnauthorizedError; the signal's reason when aborted
   */
  async fetchPendingTasks(url: string, query: FetchQuery, signal: AbortSignal): Promise<PendingTask[]> {
    const { limit, waitSeconds } = query
    const target = new URL(url)
    target.searchParams.set('limit', String(limit))
    if (waitSeconds > 0) target.searchParams.set('waitSeconds', String(waitSeconds))
    const timeoutMs = this.options.requestTimeoutMs + waitSeconds * 1000
    return (await this.#get(target, fetchPendingTasksAnswerSchema, timeoutMs, signal)).tasks
  }

  /**
   * Claims tasks; if there are none, waits up to `waitSeconds` for some.
   *
   * @returns null if main does not offer it
   * @throws MainUnavailableError, MainUnauthorizedError; the signal's reason when aborted. It may still have claimed
   */
  async claimTasks(url: string, claim: ClaimTasks, signal: AbortSignal): Promise<ClaimTasksAnswer | null> {
    const timeoutMs = this.options.requestTimeoutMs + claim.waitSeconds * 1000
    const { status, body } = await this.#post(url, claim, timeoutMs, signal)
    if (status === 404) return null
    if (status !== 200) throw new MainUnavailableError(`POST ${url} answered ${status}: ${refusalText(body)}`)
    return this.#parsed(claimTasksAnswerSchema, body, url)
  }

  /**
   * The runs that nobody has checked for `uncheckedForSeconds`, longest unchecked first.
   * @throws MainUnavailableError, MainUnauthorizedError; the signal's reason when aborted
   */
  async fetchRunsToCheck(
    url: string,
    query: { limit: number; uncheckedForSeconds: number },
    signal: AbortSignal,
  ): Promise<RunToCheck[]> {
    const target = new URL(url)
    for (const [name, value] of Object.entries(query)) target.searchParams.set(name, String(value))
    return (await this.#get(target, runsToCheckAnswerSchema, this.options.requestTimeoutMs, signal)).runs
  }

  /**
   * Reports on one task.
   * @throws ReportRefusedError, MainUnavailableError, MainUnauthorizedError; the signal's reason when aborted
   */
  async report(url: string, report: TaskReport, signal: AbortSignal): Promise<ReportAnswer> {
    const send = () => this.#sendReport(url, report, signal)
    // That a run runs is told again and again.
    if (report.status === 'running') return outsideTraces(send)
    return spannedWithin(`report ${report.status}`, { kind: SpanKind.CLIENT }, send)
  }

  async #sendReport(url: string, report: TaskReport, signal: AbortSignal): Promise<ReportAnswer> {
    const { status, body } = await this.#post(url, report, this.options.requestTimeoutMs, signal)
    if (status === 200) return this.#parsed(reportAnswerSchema, body, url)

    const refusal = refusalSchema.safeParse(body)
    if ([400, 404, 409, 413].includes(status) && refusal.success) {
      throw new ReportRefusedError(refusal.data.error, status, refusal.data.reason, refusal.data.status)
    }
    throw new MainUnavailableError(`POST ${url} answered ${status}: ${refusalText(body)}`)
  }

  async #get<Schema extends z.ZodType>(
    url: URL,
    schema: Schema,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<z.output<Schema>> {
    const { status, body } = await this.#request(url, { method: 'GET' }, timeoutMs, signal)
    const name = `${url.origin}${url.pathname}`
    if (status !== 200) throw new MainUnavailableError(`GET ${name} answered ${status}: ${refusalText(body)}`)
    return this.#parsed(schema, body, name)
  }

  #post(
    url: string,
    body: unknown,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<{ status: number; body: unknown }> {
    const headers = { 'content-type': 'application/json' }
    return this.#request(new URL(url), { method: 'POST', headers, body: JSON.stringify(body) }, timeoutMs, signal)
  }

  async #request(
    url: URL,
    asked: Pick<Exchange, 'method' | 'body'> & { headers?: Record<string, string> },
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<{ status: number; body: unknown }> {
    const { internalToken, daemon } = this.options
    const name = `${url.origin}${url.pathname}`
    const headers = {
      ...asked.headers,
      ...traceHeaders(),
      authorization: `Bearer ${internalToken}`,
      ...(daemon && { [DAEMON_HEADER]: spellDaemon(daemon()) }),
    }
    const answer = await withTimeout(timeoutMs, [signal], async (soon) => {
      const { status, text } = await exchange(url, { ...asked, headers, signal: soon })
      return { status, body: jsonOf(text) }
    }).catch((cause: unknown) => {
      signal.throwIfAborted()
      const isLate = cause instanceof DOMException && cause.name === 'TimeoutError'
      const why = isLate ? `did not answer within ${timeoutMs} ms` : 'cannot be reached'
      throw new MainUnavailableError(`${name} ${why}`, { cause })
    })
    if (answer.status === 401 || answer.status === 403) {
      throw new MainUnauthorizedError(`${name} does not accept the internal token`)
    }
    return answer
  }

  #parsed<Schema extends z.ZodType>(schema: Schema, body: unknown, url: string): z.output<Schema> {
    const parsed = schema.safeParse(body)
    if (parsed.success) return parsed.data
    throw new MainUnavailableError(`${url} sent an invalid answer`, { cause: parsed.error })
  }
}

function refusalText(body: unknown): string {
  const refusal = refusalSchema.safeParse(body)
  return refusal.success ? refusal.data.error : 'no reason given'
}
