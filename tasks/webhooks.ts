/**
 * Webhooks: whoever creates a task may name a URL, and main posts the task's end to it. The transaction that ends a task
 * also notes on its row that a message is due. A main claims due messages with a lease, sends them, and notes how that
 * went. If it dies before it has noted that, the lease expires, and the message is sent again with the same id.
 */
import { z } from 'zod'
import { type Backoff, backoff, UPPER_HALF } from '../lib/backoff.js'
import { allowedAddresses, checkedUrl, hostOf, urlProblem } from '../lib/public-url.js'
import { isFinal, type TaskError } from '../protocol/index.js'
import { DAY_SECONDS } from '../protocol/limits.js'
import { Arrivals } from './arrivals.js'
import { NOW } from './claimable.js'
import { CLOCK, databaseTime, inTransaction } from './database/sql.js'
import { showTask, taskFields } from './shown-task.js'
import {
  type LockedTask,
  STORED_FIELDS,
  type StoredTask,
  type TaskReader,
  type WebhookEventType,
} from './task-reader.js'
import type { StoredStep } from './transition-log.js'

const MAX_URL_LENGTH = 2000
/** Longer than a try takes. */
const LEASE_SECONDS = 60
const RETRIES: Backoff = { first: 5, factor: 4, max: 3 * 3600, jitter: UPPER_HALF }
/** A result that is larger, as JSON, is left out: the receiver gets it from the task. */
const MAX_RESULT_LENGTH = 65_536

export interface WebhookOptions {
  /** Hosts of webhooks that may be in a private network, and be asked by plain HTTP. */
  privateHosts: readonly string[]
}

/** How a try to deliver went. */
export type WebhookOutcome =
  | { delivered: true }
  | {
      delivered: false
      reason: TaskError
      /** Whether the receiver wants no more of it. */
      gone?: boolean
      retryAfterSeconds?: number | undefined
    }

/** A message that this process is to send now. */
export interface DueWebhook {
  id: string
  url: string
  body: string
  taskKey: string
  /** Which try this is, from 1. */
  tries: number
  /**
   * Notes how the try went, on the row and in the timeline.
   * @returns the entry's type; undefined if the message is no longer this process's, or the end was revoked by a retry
   */
  note(outcome: WebhookOutcome): Promise<WebhookEventType | undefined>
}

/** What a message says. */
export const webhookBodySchema = z.object({
  type: z.enum(['task.completed', 'task.failed', 'task.cancelled']),
  /** When the task ended. */
  timestamp: z.iso.datetime(),
  data: z.object({
    /** Of the public APIs that show the task. */
    namespace: z.string(),
    ...taskFields,
    /** Null until the task is completed, and if it was left out. */
    result: z.unknown(),
    /** Whether the result is too large for a message: the task has it. */
    resultOmitted: z.boolean(),
  }),
})

/** The messages of one integration, for whoever sends them. */
export interface DueWebhooks {
  /** Notifies of messages to send. */
  due: Arrivals
  /** In how many seconds the next message is due, sent by whomever: zero or less if one is now, infinite if there is none. */
  dueInSeconds(): Promise<number>
  /** Claims messages that are due, the longest due first: nobody else gets them for a minute. */
  claim(limit: number): Promise<DueWebhook[]>
}

/** The part of a row that says how far its message is. */
interface Progress {
  /** The attempt with which the task ended. */
  attempt: number
  /** When it ended. */
  since: number
  /** Tries that have been noted. */
  tries: number
}

type ClaimedRow = StoredTask & { result: unknown; webhook: string; webhookProgress: Progress; webhookDueAt: number }

/** The messages of one integration. */
export class WebhookQueue {
  /** Notifies of messages to send. */
  readonly due = new Arrivals()

  /** @param moved is told of each new entry of a timeline */
  constructor(
    private readonly tasks: TaskReader,
    private readonly moved: (taskKey: string) => void,
  ) {}

  /**
   * Makes a message due if these steps have ended the task, and revokes it if an operator's retry undid that. Call it in
   * the transaction that stored them.
   *
   * @param row as it was before
   * @returns whether a message became due
   */
  async noteEnd({ id, webhook, state }: LockedTask, steps: readonly StoredStep[]): Promise<boolean> {
    const last = steps.at(-1)
    if (webhook === null || last === undefined) return false
    const ended = isFinal(last.after)
    if (ended === isFinal(state)) return false
    const progress: Progress = { attempt: last.event.attempt, since: last.at, tries: 0 }
    await this.#write(this.tasks.calls.parseId(id), ended ? last.at : null, progress)
    return ended
  }

  /** In how many seconds the next message is due: infinite if there is none. */
  async dueInSeconds(): Promise<number> {
    const { table, column } = this.tasks.calls
    const sql = `SELECT min(${column('webhookDueAt')}) - ${CLOCK} AS seconds FROM ${table}`
    const read = () => this.tasks.query<{ seconds: number | null }>(sql, [])
    const [row] = await this.tasks.read('webhook:dueIn', read)
    return row?.seconds ?? Number.POSITIVE_INFINITY
  }

  /**
   * Claims messages that are due, the longest due first.
   * @param namespace of the public APIs
   */
  claim(limit: number, namespace: string): Promise<DueWebhook[]> {
    const { table, column } = this.tasks.calls
    const [id, due] = [column('id'), column('webhookDueAt')]
    const fields = [...STORED_FIELDS, 'result', 'webhook', 'webhookProgress', 'webhookDueAt']
    const sql =
      `UPDATE ${table} SET ${due} = ${NOW} + ${LEASE_SECONDS} WHERE ${id} = ANY(ARRAY(SELECT ${id} FROM ${table}` +
      ` WHERE ${due} <= ${NOW} ORDER BY ${due} LIMIT $1 FOR UPDATE SKIP LOCKED))` +
      ` RETURNING ${this.tasks.columns(fields)}`
    return this.#transaction('claim', async () => {
      const rows = await this.tasks.query<ClaimedRow>(sql, [limit])
      return rows.map((row) => this.#messageOf(row, namespace))
    })
  }

  #messageOf(row: ClaimedRow, namespace: string): DueWebhook {
    const { taskKey, state, webhook: url, webhookProgress } = row
    return {
      // A task ends at most once with each attempt and status.
      id: `${taskKey}_${state.status}_${state.attempts}`,
      url,
      body: bodyOf(row, namespace),
      taskKey,
      tries: webhookProgress.tries + 1,
      note: (outcome) => this.#note(row, outcome),
    }
  }

  async #note(row: ClaimedRow, outcome: WebhookOutcome): Promise<WebhookEventType | undefined> {
    const { id, taskKey, webhookDueAt: lease, webhookProgress } = row
    const type = await this.#transaction('note', async () => {
      const now = await databaseTime(this.tasks.controller)
      const progress = { ...webhookProgress, tries: webhookProgress.tries + 1 }
      const nextTryAt = outcome.delivered ? null : nextTry(outcome, progress, now)
      if (!(await this.#write(id, nextTryAt, progress, lease))) return undefined
      const eventType = outcome.delivered ? 'webhookDelivered' : nextTryAt === null ? 'webhookGivenUp' : 'webhookFailed'
      const { attempt } = progress
      const data = { type: eventType, ...(!outcome.delivered && { reason: reasonOf(outcome.reason, nextTryAt) }) }
      const event = { apiCallId: String(id), eventType, attempt, at: now, supersedes: null, data }
      // No state machine has a transition for it: it only shows in the timeline.
      await this.tasks.controller.system.storage.create(this.tasks.names.integrationEvent, event)
      return eventType
    })
    if (type) this.moved(taskKey)
    // When the next one is due has changed.
    if (type === 'webhookFailed') this.due.wake()
    return type
  }

  /** @param lease only if the row still has this one */
  async #write(id: unknown, dueAt: number | null, progress: Progress, lease?: number): Promise<boolean> {
    const { table, column } = this.tasks.calls
    const [idColumn, due] = [column('id'), column('webhookDueAt')]
    const sql =
      `UPDATE ${table} SET ${due} = $2::float8, ${column('webhookProgress')} = $3::json WHERE ${idColumn} = $1` +
      `${lease === undefined ? '' : ` AND ${due} = $4::float8`} RETURNING 1 AS written`
    const values = [id, dueAt, JSON.stringify(progress), ...(lease === undefined ? [] : [lease])]
    return (await this.tasks.query(sql, values)).length > 0
  }

  #transaction<T>(what: string, work: () => Promise<T>): Promise<T> {
    return inTransaction(this.tasks.controller, `${this.tasks.names.apiCall}:webhook:${what}`, work)
  }
}

/** The same for each try. */
function bodyOf({ result, webhookProgress, ...task }: ClaimedRow, namespace: string): string {
  const resultOmitted = JSON.stringify(result).length > MAX_RESULT_LENGTH
  const body = {
    type: `task.${task.state.status}`,
    timestamp: new Date(webhookProgress.since * 1000).toISOString(),
    data: { namespace, ...showTask(task), result: resultOmitted ? null : result, resultOmitted },
  }
  return JSON.stringify(body)
}

/** When to try again: the last time a day after the end; null if that was it, or the receiver wants no more of it. */
function nextTry(
  { gone, retryAfterSeconds = 0 }: Exclude<WebhookOutcome, { delivered: true }>,
  { since, tries }: Progress,
  now: number,
): number | null {
  const last = since + DAY_SECONDS
  if (gone || now >= last) return null
  return Math.min(now + Math.max(backoff(RETRIES, tries), retryAfterSeconds), last)
}

function reasonOf({ code, message }: TaskError, nextTryAt: number | null): TaskError {
  const next = nextTryAt === null ? 'given up' : `next try at ${new Date(nextTryAt * 1000).toISOString()}`
  return { code, message: `${message}; ${next}` }
}

/**
 * What is wrong with the URL of a webhook, as far as the URL itself tells.
 *
 * @param privateHosts hosts that may be in a private network, and be asked by plain HTTP
 */
export function webhookUrlProblem(url: URL, privateHosts: readonly string[]): string | undefined {
  const isPrivate = privateHosts.includes(hostOf(url))
  if (url.protocol !== 'https:' && !(isPrivate && url.protocol === 'http:')) return 'must be an https URL'
  return urlProblem(url, allowedAddresses({ userUrlHosts: privateHosts }))
}

/** The URL of a webhook, as a user gives it. */
export function webhookUrlSchema(privateHosts: readonly string[]) {
  return checkedUrl('must be an https URL', MAX_URL_LENGTH, (url) => webhookUrlProblem(url, privateHosts))
}
