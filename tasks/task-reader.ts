/** Reads an integration's tasks: by their ids, and as the application shows them. */
import type { Controller } from 'interaqt'
import {
  currentAttempt,
  type TaskError,
  type TaskEventType,
  type TaskState,
  type TaskStatus,
} from '../protocol/index.js'
import type { RunToCheck } from '../protocol/wire.js'
import { countInFlight } from './claimable.js'
import { databaseOf, type PhysicalEntity, physicalEntity, reading } from './database/sql.js'
import type { CallEntityNames } from './entities.js'

/** How deliveries of a task's webhook show in its timeline. */
export type WebhookEventType = 'webhookDelivered' | 'webhookFailed' | 'webhookGivenUp'

/** One entry of a task's timeline. */
export interface TimelineEntry {
  type: TaskEventType | WebhookEventType
  attempt: number
  /** Unix seconds. */
  at: number
  /** Why this attempt failed. */
  error?: TaskError
  /** What its run waits for, or why its webhook was not delivered. */
  reason?: TaskError
}

export interface StoredTask {
  id: string
  taskKey: string
  state: TaskState
  createdAt: number
}

/** A row that the transaction has locked. */
export interface LockedTask extends StoredTask {
  /** Null for nobody in particular. */
  userId: string | null
  /** Where the task's end is told; null if nowhere. */
  webhook: string | null
  /** The trace that it was created in; null for none. */
  traceparent: string | null
}

/** A task as the application shows it. */
export interface TaskView extends StoredTask {
  /** Null until the task is completed. `state` does not have it. */
  result: unknown
  timeline: TimelineEntry[]
  /** Where the next page begins; null if there is none yet. */
  timelineNext: number | null
}

/** Keyset pagination: a page begins after this task. */
export type ListPlace = Pick<StoredTask, 'createdAt' | 'taskKey'>

/** The viewer: an operator sees every task, a user their own; null for an anonymous caller. */
export type Viewer = 'operator' | { userId: string | null }

/** The most timeline entries of one page. */
const TIMELINE_PAGE = 100
export const STORED_FIELDS: readonly string[] = ['id', 'taskKey', 'state', 'createdAt']

/** Reads the tasks of one integration. The Controller must be set up. */
export class TaskReader {
  readonly calls: PhysicalEntity
  readonly events: PhysicalEntity

  constructor(
    readonly controller: Controller,
    readonly names: CallEntityNames,
  ) {
    this.calls = physicalEntity(controller, names.apiCall)
    this.events = physicalEntity(controller, names.integrationEvent)
  }

  /** Queries the database, within the call's open transaction. */
  query<Row>(sql: string, values: unknown[]): Promise<Row[]> {
    return databaseOf(this.controller).query<Row>(sql, values)
  }

  /** Runs reads like `reading` of the database. */
  read<T>(what: string, work: () => Promise<T>): Promise<T> {
    return reading(this.controller, `${this.names.apiCall}:${what}`, work)
  }

  /**
   * The row's id, as used by the internal protocol, of a task that an operator names by either of its ids.
   *
   * The two do not collide: ids are integers of up to ten digits, or UUIDs, and keys have 22 characters. Of the older
   * keys, with eight, one in three million is all digits; that one can only be named by its row's id.
   */
  async findRowId(idOrKey: string): Promise<string | undefined> {
    return this.calls.parseId(idOrKey) === null ? (await this.findByKey(idOrKey))?.id : idOrKey
  }

  /** Finds a task by its row's id; undefined if it does not exist. */
  async find(apiCallId: string): Promise<StoredTask | undefined> {
    const id = this.calls.parseId(apiCallId)
    return id === null ? undefined : this.read('find', () => this.#findRow('id', id))
  }

  /** Finds a task by its key; undefined if it does not exist, or if this viewer may not see it. */
  findByKey(taskKey: string, viewer: Viewer = 'operator'): Promise<StoredTask | undefined> {
    return this.read('findByKey', () => this.#findRow('taskKey', taskKey, viewer))
  }

  /**
   * Reads a task and one page of its timeline, oldest first.
   *
   * @param timelineAfter how many entries to skip: events are only ever appended, so the number names a place
   * @param properties of the row, beside those of a `TaskView`
   * @returns undefined if the task does not exist, or if this viewer may not see it: the two look alike
   */
  view<More extends string = never>(
    taskKey: string,
    viewer: Viewer,
    timelineAfter = 0,
    properties: readonly More[] = [],
  ): Promise<(TaskView & Record<More, unknown>) | undefined> {
    return this.read('view', async () => {
      // In every version's rows the result is in its column; earlier versions repeat it elsewhere.
      const fields = [...STORED_FIELDS, 'result', ...properties]
      // One statement sees one moment: the timeline never contradicts the status.
      const more = { timeline: this.#timeline('$2'), values: [timelineAfter] }
      type Row = StoredTask & { result: unknown; timeline: StoredEntry[] } & Record<More, unknown>
      const task = await this.#findRow<Row>('taskKey', taskKey, viewer, fields, more)
      if (!task) return undefined
      const timeline = task.timeline.slice(0, TIMELINE_PAGE).map(shownEntry)
      const timelineNext = task.timeline.length > TIMELINE_PAGE ? timelineAfter + TIMELINE_PAGE : null
      return { ...task, timeline, timelineNext }
    })
  }

  /** A user's tasks, the newest first. */
  list(userId: string | null, limit: number, status?: TaskStatus, after?: ListPlace): Promise<StoredTask[]> {
    const { table, column } = this.calls
    const place = `${column('createdAt')}, ${column('taskKey')}`
    const given: unknown[] = [limit]
    const value = (of: unknown) => `$${given.push(of)}`
    const conditions = [
      userId === null ? `${column('userId')} IS NULL` : `${column('userId')} = ${value(userId)}`,
      ...(status === undefined ? [] : [`${column('status')} = ${value(status)}`]),
      ...(after ? [`(${place}) < (${value(after.createdAt)}::float8, ${value(after.taskKey)})`] : []),
    ]
    const sql =
      `SELECT ${this.columns()} FROM ${table} WHERE ${conditions.join(' AND ')}` +
      ` ORDER BY ${column('createdAt')} DESC, ${column('taskKey')} DESC LIMIT $1`
    return this.read('list', () => this.query<StoredTask>(sql, given))
  }

  /** The number of timeline entries of these tasks, by key. */
  async timelineLengths(taskKeys: string[]): Promise<Map<string, number>> {
    const { calls, events } = this
    const key = calls.column('taskKey')
    const sql =
      `SELECT ${key} AS key, (SELECT count(*)::int FROM ${events.table} AS event` +
      ` WHERE event.${events.column('apiCallId')} = call.${calls.column('id')}::text) AS length` +
      ` FROM ${calls.table} AS call WHERE ${key} = ANY($1)`
    const rows = await this.read('lengths', () => this.query<{ key: string; length: number }>(sql, [taskKeys]))
    return new Map(rows.map(({ key, length }) => [key, length]))
  }

  /** The runs that were not checked in Temporal for this long, longest unchecked first. */
  runsToCheck(limit: number, uncheckedForSeconds: number): Promise<RunToCheck[]> {
    const { table, column } = this.calls
    const uncheckedSince = column('uncheckedSince')
    const sql =
      `SELECT ${this.columns(['id', 'taskKey', 'state', 'traceparent'])} FROM ${table}` +
      ` WHERE ${uncheckedSince} <= extract(epoch FROM statement_timestamp())::float8 - $2::float8` +
      ` ORDER BY ${uncheckedSince} LIMIT $1`
    return this.read('runsToCheck', async () => {
      const rows = await this.query<Omit<LockedTask, 'createdAt'>>(sql, [limit, uncheckedForSeconds])
      return rows.map(({ id, taskKey, state, traceparent }) => ({
        apiCallId: String(id),
        taskKey,
        attempt: currentAttempt(state),
        fencingToken: state.fencingToken ?? '',
        status: state.status,
        ...(state.runId !== null && { runId: state.runId }),
        ...(traceparent !== null && { traceparent }),
      }))
    })
  }

  /** Whether there are runs that have to be checked, now or later. */
  hasRunsInFlight(): Promise<boolean> {
    const { table, column } = this.calls
    const sql = `SELECT 1 FROM ${table} WHERE ${column('uncheckedSince')} IS NOT NULL LIMIT 1`
    return this.read('hasRunsInFlight', async () => (await this.query(sql, [])).length > 0)
  }

  /** How many tasks are in flight at this moment. */
  async countInFlight(): Promise<number> {
    const sql = `SELECT ${countInFlight(this.calls.table, this.calls.column('status'))} AS count`
    const [row] = await this.query<{ count: number }>(sql, [])
    return row?.count ?? 0
  }

  /** A task's timeline as JSON, with one entry more than a page if there are more. Selects only shown fields. */
  #timeline(after: string): string {
    const { table, column } = this.events
    const [type, data] = [column('eventType'), column('data')]
    return (
      `(SELECT coalesce(json_agg(entry), '[]') FROM (SELECT ${type} AS type, ${column('attempt')} AS attempt,` +
      ` ${column('at')} AS at,` +
      ` CASE ${type} WHEN 'failed' THEN ${data} -> 'error' WHEN 'waiting' THEN ${data} -> 'waitingFor'` +
      ` WHEN 'webhookFailed' THEN ${data} -> 'reason' WHEN 'webhookGivenUp' THEN ${data} -> 'reason' END AS said` +
      ` FROM ${table} WHERE ${column('apiCallId')} = task.${this.calls.column('id')}::text` +
      // Ids are assigned under the row's lock, so their order is that of the events, whatever the clocks do.
      ` ORDER BY ${column('id')} OFFSET ${after} LIMIT ${TIMELINE_PAGE + 1}) AS entry)`
    )
  }

  async #findRow<Row extends StoredTask = StoredTask>(
    key: 'id' | 'taskKey',
    value: string | number,
    viewer: Viewer = 'operator',
    fields = STORED_FIELDS,
    more?: { timeline: string; values: unknown[] },
  ): Promise<Row | undefined> {
    const { table, column } = this.calls
    const values = [value, ...(more?.values ?? [])]
    // Ownership is part of the query: a missing task and another user's get the same answer, in the same time.
    const own =
      viewer === 'operator' ? '' : ` AND ${column('userId')} IS NOT DISTINCT FROM $${values.push(viewer.userId)}`
    const timeline = more ? `, ${more.timeline} AS timeline` : ''
    const sql = `SELECT ${this.columns(fields)}${timeline} FROM ${table} AS task WHERE ${column(key)} = $1${own}`
    const [row] = await this.query<Row>(sql, values)
    return row && { ...row, id: String(row.id) }
  }

  /** A task's row as queries return it, by property names. */
  columns(fields = STORED_FIELDS): string {
    return fields.map((name) => `${this.calls.column(name)} AS "${name}"`).join(', ')
  }
}

interface StoredEntry extends Omit<TimelineEntry, 'error' | 'reason'> {
  /** Why an attempt or a delivery failed, or what the run waits for. */
  said: TaskError | null
}

function shownEntry({ said, ...entry }: StoredEntry): TimelineEntry {
  if (said === null) return entry
  const { code, message } = said
  return { ...entry, [entry.type === 'failed' ? 'error' : 'reason']: { code, message } }
}
