/** What a provider's errors mean: a table, in which the first row that matches decides. */
import { z } from 'zod'
import { jsonOf } from '../../lib/json.js'
import { parseRetryAfter } from '../../lib/retry-after.js'
import type { FailureKind } from '../../protocol/failure-details.js'
import { ProviderError } from './errors.js'

/**
 * - `missing`: there is no such task. A polled task counts as gone if that answer persists
 * - `tooLate`: the task cannot be cancelled any more
 *
 * For a create both count as `refused`. For a request that only reads, every other kind is `unavailable`: a wrong key,
 * say, tells nothing about the task, which continues and is charged for.
 */
export type Meaning = FailureKind | 'missing' | 'tooLate'

export interface ErrorRow {
  /** Matches one of the error's names: its code, status or type. */
  code?: RegExp
  /** Matches the rest of its text. */
  words?: RegExp
  /** The HTTP status, or a range of them. */
  status?: number | readonly [from: number, to: number]
  kind: Meaning
  /** How long to wait if the provider does not say. */
  pauseSeconds?: number
  /** How long to wait at least, even if the provider asks for less. */
  minPauseSeconds?: number
}

/** The short form of a row matches one of the error's names. */
export type ErrorTable = ReadonlyArray<ErrorRow | readonly [code: RegExp, kind: Meaning]>

export interface ProviderAnswer {
  ok: boolean
  status: number
  headers: Headers
  text: string
  /** The beginning of the text, for an error message: without the key and the signatures of URLs. */
  excerpt: string
}

/** A provider's error answer. */
export interface AnsweredError {
  status: number
  /** The first one is the code that the task shows. */
  names: string[]
  message: string
  /** Where `words` are searched, besides the message. */
  details?: string | undefined
  retryAfterSeconds?: number | undefined
}

/** Reads an error answer's body that is unlike most others. `usual` is how the default reads it. */
export type ReadError = (body: unknown, usual: AnsweredError) => Partial<Omit<AnsweredError, 'status'>>

/** For errors that match no row. If the request may have been carried out, the error is ambiguous. */
const BY_STATUS: ErrorRow[] = [
  { status: 402, kind: 'unavailable', minPauseSeconds: 3600 },
  { status: 429, kind: 'unavailable' },
  { status: 408, kind: 'ambiguous' },
  { status: [300, 499], kind: 'refused' },
  { kind: 'ambiguous' },
]

/** The row of an integration's own table that matches, if any. */
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

/** A request's error, classified by the table. `meaning` is for requests that name a task's id. */
export class AnsweredProviderError extends ProviderError {
  constructor(
    error: AnsweredError,
    readonly meaning: Meaning,
    options: { kind: FailureKind; retryAfterSeconds?: number | undefined },
  ) {
    super(error.message, { code: error.names[0] ?? `HTTP${error.status}`, ...options })
  }
}

/** The answer; or `other`, if it is an error with this meaning. */
export async function unless<T, Other>(meaning: Meaning, other: Other, answer: Promise<T>): Promise<T | Other> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof AnsweredProviderError && error.meaning === meaning) return other
    throw error
  }
}

/** @param purpose whether the request creates something, or only reads or cancels */
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

/** `prepare`: a request before a create, which costs nothing. */
export type Purpose = 'create' | 'prepare' | 'read'

/** The failure kind of an answer with this meaning. */
function kindOf(meaning: Meaning, purpose: Purpose): FailureKind {
  if (purpose === 'read') return 'unavailable'
  if (meaning === 'missing' || meaning === 'tooLate') return 'refused'
  return purpose === 'prepare' && meaning === 'ambiguous' ? 'unavailable' : meaning
}

/** An answer without an error may come from a proxy instead of the provider. */
function byStatus(error: AnsweredError, isItsOwn: boolean): ErrorRow {
  if (isItsOwn && (error.status === 404 || error.status === 410)) return { kind: 'missing' }
  if (error.status === 409) return { kind: 'tooLate' }
  return rowOf(BY_STATUS, error) ?? { kind: 'ambiguous' }
}

/** Why a task ended without a result, in its provider's words, and whether another try may succeed. */
export function endOf(
  table: ErrorTable,
  status: string,
  reason: TaskReason | string | null | undefined,
): { error?: { code: string; message: string }; retryable: boolean } {
  const { code, message } = typeof reason === 'string' ? { code: null, message: reason } : (reason ?? {})
  const meaning = code ? rowOf(table, { status: 0, names: [code], message: message ?? '' })?.kind : undefined
  return {
    ...((code || message) && { error: { code: code || 'failed', message: message || code || '' } }),
    // A failure for an unknown reason is left to an operator; a failure without any reason is not.
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

/** The form that most providers use: `{error: {code, message, …}}`, or the same without `error`. */
function usualError(body: unknown): Pick<AnsweredError, 'names' | 'message'> | undefined {
  const inner = z.object({ error: z.looseObject({}) }).safeParse(body).data?.error ?? body
  const said = named.safeParse(inner).data
  if (!said) return undefined
  // A number only repeats the status.
  const names = [said.code, said.status, said.type].filter(
    (name): name is string => typeof name === 'string' && /\D/.test(name),
  )
  const message = said.message ?? said.detail ?? ''
  return names.length > 0 || message ? { names, message } : undefined
}
