/**
 * Asks main, with the session's cookie, and for changes with its CSRF token. Addresses are relative to the page's, as main
 * may be served below any path.
 */
import type {
  Daemon,
  History,
  IntegrationState,
  ManyAnswer,
  RecordedActs,
  Session,
  Stats,
  Task,
  TaskList,
} from './answers.js'
import { type Query, queryOf } from './query.js'
import { wholeTask } from './whole-task.js'

/** How long an answer may take: longer than main itself takes to say that something is away. */
const TIMEOUT_MS = 35_000
/** A task's timeline comes in pages of 100; of more than this only the first are shown. */
const MOST_PAGES = 10

export type Fields = Record<string, unknown>

/** Main could not be reached, or refused. */
export class AskError extends Error {
  override readonly name = 'AskError'
  readonly code = 'ASK'

  /** @param status of the answer; 0 if there was none */
  constructor(
    message: string,
    readonly status: number,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }

  get retryable(): boolean {
    return this.status === 0 || this.status >= 500 || this.status === 429
  }
}

export interface AskOptions {
  query?: Query
  body?: Fields
  headers?: Record<string, string>
  signal?: AbortSignal | undefined
}

/** @throws AskError if main is away, or answers with another status than 200 */
export async function ask<Answer>(path: string, { query = {}, body, headers, signal }: AskOptions = {}) {
  const signals = [AbortSignal.timeout(TIMEOUT_MS), ...(signal ? [signal] : [])]
  const response = await fetch(path + queryOf(query), {
    headers: { ...(body && { 'content-type': 'application/json' }), ...headers },
    signal: AbortSignal.any(signals),
    ...(body && { method: 'POST', body: JSON.stringify(body) }),
  }).catch((cause: unknown) => {
    throw signal?.aborted ? cause : new AskError('Main does not answer', 0, { cause })
  })
  const answer: unknown = await response.json().catch(() => undefined)
  if (response.ok && answer !== undefined) return answer as Answer
  throw new AskError(refusal(answer) ?? `Main answers ${response.status}`, response.status)
}

/** What an answer says of why, with the fields that are meant. */
function refusal(answer: unknown): string | undefined {
  const { error, fields = [] } = (answer ?? {}) as {
    error?: string
    fields?: Array<{ field: string; message: string }>
  }
  const which = fields.map(({ field, message }) => `${field} ${message}`).join('; ')
  return which || error
}

export type APIs = ReturnType<typeof createAPIs>

/** @param signedOut called when main no longer knows the session */
export function createAPIs(session: Session, signedOut: () => void) {
  async function to<Answer>(path: string, options: AskOptions = {}): Promise<Answer> {
    try {
      const headers = options.body && { 'x-console-csrf': session.csrf }
      return await ask<Answer>(path, { ...options, ...(headers && { headers }) })
    } catch (error) {
      if (error instanceof AskError && error.status === 401) signedOut()
      throw error
    }
  }
  const of = (integration: string, api: string) => `../api/${encodeURIComponent(integration)}/${api}`
  /** Who acts, and why, for the record. */
  const signed = (reason: string) => ({ by: session.name, ...(reason.trim() !== '' && { reason: reason.trim() }) })
  return {
    stats: (signal?: AbortSignal) => to<Stats>('../api/operator/stats', { signal }),
    history: (span: string, signal?: AbortSignal) =>
      to<History>('../api/operator/history', { query: { span }, signal }),
    daemons: async (signal?: AbortSignal) =>
      (await to<{ daemons: Daemon[] }>('../api/operator/daemons', { signal })).daemons,
    list: (query: Query, signal?: AbortSignal) => to<TaskList>('../api/operator/tasks', { query, signal }),
    state: (integration: string, signal?: AbortSignal) =>
      to<IntegrationState>(of(integration, 'integrationState'), { signal }),
    acts: (integration: string, query: Query, signal?: AbortSignal) =>
      to<RecordedActs>(of(integration, 'operatorActs'), { query, signal }),
    /** With its whole timeline. */
    task(taskId: string, signal?: AbortSignal): Promise<Task> {
      const path = `../api/operator/tasks/${encodeURIComponent(taskId)}`
      return wholeTask((timelineAfter) => to<Task>(path, { query: { timelineAfter }, signal }), MOST_PAGES)
    },
    one: (
      act: 'retryTask' | 'cancelTask' | 'letThrough',
      integration: string,
      apiCallId: string,
      reason: string,
      more: Fields = {},
    ) => to<Fields>(of(integration, act), { body: { apiCallId, ...signed(reason), ...more } }),
    many: (act: 'retryMany' | 'cancelMany', reason: string, more: Fields) =>
      to<ManyAnswer>(`../api/operator/${act}`, { body: { ...signed(reason), ...more } }),
    control: (act: 'pause' | 'resume' | 'setLimits', integration: string, reason: string, more: Fields = {}) =>
      to<IntegrationState>(of(integration, act), { body: { ...signed(reason), ...more } }),
  }
}
