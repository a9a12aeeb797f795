/** What a provider's refusals mean: a table that is read from the top, where the first row that fits decides. */
import { z } from 'zod'
import { parseRetryAfter } from '../../lib/retry-after.js'
import type { FailureKind } from '../../protocol/failure-details.js'
import { ProviderError } from './errors.js'

/**
 * - `missing`: there is no such task. Where one is polled it counts as gone once it stays so
 * - `tooLate`: the task cannot be cancelled any more
 *
 * Of a create both count as `refused`. Of what only reads, every other kind is `unavailable`: a wrong key, say, tells
 * nothing of the task, which goes on and is paid for.
 */
export type Meaning = FailureKind | 'missing' | 'tooLate'

export interface ErrorRow {
  /** Fits one of the names that the provider gives the error: its code, status or type. */
  code?: RegExp
  /** Fits what it says beside that. */
  words?: RegExp
  /** The HTTP status, or from and to. */
  status?: number | readonly [from: number, to: number]
  kind: Meaning
  /** How long to wait where the provider does not say. */
  pauseSeconds?: number
  /** How long to wait, however short a pause the provider asks for. */
  minPauseSeconds?: number
}

/** A row in short fits one of the error's names. */
export type ErrorTable = ReadonlyArray<ErrorRow | readonly [code: RegExp, kind: Meaning]>

export interface ProviderAnswer {
  ok: boolean
  status: number
  headers: Headers
  text: string
  /** The beginning of the text, fit for an error message: without the key, and without what signs a URL. */
  excerpt: string
}

/** An error as a provider answered it. */
export interface AnsweredError {
  status: number
  /** The first is the code that the task gets to see. */
  names: string[]
  message: string
  /** What `words` are looked for in, beyond the message. */
  details?: string | undefined
  retryAfterSeconds?: number | undefined
}

/** What an error answer's body says, where that is told otherwise than most do. `usual` is what it would be otherwise. */
export type ReadError = (body: unknown, usual: AnsweredError) => Partial<Omit<AnsweredError, 'status'>>

/** What no row says. What may have been done for all one knows is ambiguous. */
const BY_STATUS: ErrorRow[] = [
  { status: 402, kind: 'unavailable', minPauseSeconds: 3600 },
  { status: 429, kind: 'unavailable' },
  { status: 408, kind: 'ambiguous' },
  { status: [300, 499], kind: 'refused' },
  { kind: 'ambiguous' },
]

/** The row of an integration's own table that fits, if one does. */
function rowOf(table: ErrorTable, error: AnsweredError): ErrorRow | undefined {
  const words = `${error.message} ${error.details ?? ''}`
  return table.map(asRow).find((row) => {
    const [from, to] = typeof row.status === 'number' ? [row.status, row.status] : (row.status ?? [0, 999])
    if (error.status < from || error.status > to) return false
    if (row.code && !error.names.some((name) => row.code?.test(name))) return false
    return !row.words || row.words.test(words)
  })
}

function asRow(row: ErrorTable[number]): ErrorRow {
  return 'kind' in row ? row : { code: row[0], kind: row[1] }
}

/** A request's error, with what it means by the table. `meaning` is for those who ask for a task by its id. */
export class AnsweredProviderError extends ProviderError {
  constructor(
    error: AnsweredError,
    readonly meaning: Meaning,
    options: { kind: FailureKind; retryAfterSeconds?: number | undefined },
  ) {
    super(error.message, { code: error.names[0] ?? `HTTP${error.status}`, ...options })
  }
}

/** What the provider's answer, if it means this, is taken for. */
export async function unless<T, Other>(meaning: Meaning, other: Other, answer: Promise<T>): Promise<T | Other> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof AnsweredProviderError && error.meaning === meaning) return other
    throw error
  }
}

/** @param purpose whether the request was to create something, or only to read or to take something back */
export function answeredError(
  answer: ProviderAnswer,
  table: ErrorTable,
  purpose: Purpose,
  readError: ReadError | undefined,
): AnsweredProviderError {
  const body = jsonOf(answer.text)
  const own = usualError(body)
  const usual: AnsweredError = {
    status: answer.status,
    names: own?.names ?? [],
    message: own?.message || own?.names[0] || `Answered ${answer.status}: ${answer.excerpt}`,
    retryAfterSeconds: parseRetryAfter(answer.headers.get('retry-after')),
  }
  const error = { ...usual, ...readError?.(body, usual) }
  const row = rowOf(table, error) ?? byStatus(error, own !== undefined)
  const asked = error.retryAfterSeconds ?? row.pauseSeconds
  const retryAfterSeconds = row.minPauseSeconds ? Math.max(row.minPauseSeconds, asked ?? 0) : asked
  return new AnsweredProviderError(error, row.kind, { kind: kindOf(row.kind, purpose), retryAfterSeconds })
}

/** `prepare`: what comes before a create, and costs nothing. */
export type Purpose = 'create' | 'prepare' | 'read'

function kindOf(meaning: Meaning, purpose: Purpose): FailureKind {
  if (purpose === 'read') return 'unavailable'
  if (meaning === 'missing' || meaning === 'tooLate') return 'refused'
  return purpose === 'prepare' && meaning === 'ambiguous' ? 'unavailable' : meaning
}

/** Whether somebody but the provider, as a proxy before it, may have said so is told by the answer having no error. */
function byStatus(error: AnsweredError, isItsOwn: boolean): ErrorRow {
  if (isItsOwn && (error.status === 404 || error.status === 410)) return { kind: 'missing' }
  if (error.status === 409) return { kind: 'tooLate' }
  return rowOf(BY_STATUS, error) ?? { kind: 'ambiguous' }
}

/** Why a task has ended without a result, as its provider says it, and whether another try may end better. */
export function endOf(
  table: ErrorTable,
  status: string,
  reason: TaskReason | string | null | undefined,
): { error?: { code: string; message: string }; retryable: boolean } {
  const { code, message } = typeof reason === 'string' ? { code: null, message: reason } : (reason ?? {})
  const meaning = code ? rowOf(table, { status: 0, names: [code], message: message ?? '' })?.kind : undefined
  return {
    ...((code || message) && { error: { code: code || 'failed', message: message || code || '' } }),
    // What failed for no known reason is left to an operator, what failed for none at all is not.
    retryable: status === 'expired' || (status === 'failed' && (!code || (!!meaning && meaning !== 'refused'))),
  }
}

export interface TaskReason {
  code?: string | null | undefined
  message?: string | null | undefined
}

const text = z.string().nullish().catch(undefined)
const named = z.object({
  code: z.union([z.string(), z.number()]).nullish().catch(undefined),
  status: text,
  type: text,
  message: text,
  detail: text,
})

/** As most providers say it: `{error: {code, message, …}}`, or the same without `error`. */
function usualError(body: unknown): Pick<AnsweredError, 'names' | 'message'> | undefined {
  const inner = z.object({ error: z.looseObject({}) }).safeParse(body).data?.error ?? body
  const said = named.safeParse(inner).data
  if (!said) return undefined
  // A number is the status again.
  const names = [said.code, said.status, said.type].filter(
    (name): name is string => typeof name === 'string' && /\D/.test(name),
  )
  const message = said.message ?? said.detail ?? ''
  return names.length > 0 || message ? { names, message } : undefined
}

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
