/** Appends events to tasks. Only they change a task, and the protocol has decided on them. */
import { MatchExp } from 'interaqt'
import { claimableAt, evolve, type TaskEvent, type TaskState, uncheckedSince } from '../protocol/index.js'
import type { IntegrationEventRecord } from './entities.js'
import type { StoredTask, TaskReader } from './task-reader.js'
import type { StoredStep } from './transition-log.js'

/** What happens to one task, whose row the caller has locked. */
export interface Change {
  row: StoredTask
  events: TaskEvent[]
  /** The database's time, unix seconds. */
  at: number
}

export class EventLog {
  constructor(private readonly tasks: TaskReader) {}

  /** In the caller's transaction. Gives each change's steps, in order. */
  async append(changes: Change[]): Promise<StoredStep[][]> {
    const steps: StoredStep[][] = []
    for (const change of changes) steps.push(await this.#appendTo(change))
    return steps
  }

  async #appendTo({ row, events, at }: Change): Promise<StoredStep[]> {
    const steps: StoredStep[] = []
    let before = row.state
    for (const event of events) {
      // interaqt folds each event too, by the same `evolve`; reading its row back would cost one more statement.
      const after = evolve(before, event)
      if (event.type === 'checked') await this.#noteLook(row.id, after)
      else await this.#store(row.id, event, before, at)
      steps.push({ event, before, after, at })
      before = after
    }
    return steps
  }

  async #store(apiCallId: string, event: TaskEvent, before: TaskState, at: number): Promise<void> {
    // Before the task is completed, so that listeners for that find the result.
    if (event.type === 'completed') await this.#storeResult(apiCallId, event.result)
    const { controller, names } = this.tasks
    await controller.system.storage.create(names.integrationEvent, recordOf(apiCallId, event, before, at))
  }

  /** A result is stored once, in its column: neither the event nor `state` repeats it. */
  async #storeResult(apiCallId: string, result: unknown): Promise<void> {
    const { controller, names } = this.tasks
    const match = MatchExp.atom({ key: 'id', value: ['=', apiCallId] })
    await controller.system.storage.update(names.apiCall, match, { result })
  }

  /**
   * A run is checked every minute while it lives. A check changes no status and is not part of the history: it is
   * written on the row, into every column that depends on it. Besides these columns interaqt only keeps the status.
   */
  async #noteLook(apiCallId: string, state: TaskState): Promise<void> {
    const { table, column, parseId } = this.tasks.calls
    const sql =
      `UPDATE ${table} SET ${column('state')} = $2::json, ${column('claimableAt')} = $3::float8,` +
      ` ${column('uncheckedSince')} = $4::float8 WHERE ${column('id')} = $1`
    await this.tasks.query(sql, [parseId(apiCallId), JSON.stringify(state), claimableAt(state), uncheckedSince(state)])
  }
}

function recordOf(apiCallId: string, event: TaskEvent, before: TaskState, at: number): IntegrationEventRecord {
  return {
    apiCallId,
    eventType: event.type,
    attempt: event.attempt,
    at,
    supersedes: event.type === 'queued' && !event.adopted ? (before.fencingToken ?? '') : null,
    data: event.type === 'completed' ? { ...event, result: null } : event,
  }
}
