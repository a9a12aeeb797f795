/**
 * Appends events to tasks. Only they change a task, and the protocol has decided on them.
 *
 * There are two ways, which leave the same in every column. Through interaqt's storage each event is created, and
 * interaqt folds it into the row, in some 15 statements. If nobody else listens, one statement writes all events, and all
 * rows, folded here by the same `evolve`.
 */
import { canonicalJSONStringify, MatchExp } from 'interaqt'
import { claimableAt, evolve, type TaskEvent, type TaskState, uncheckedSince } from '../protocol/index.js'
import { newIds } from './database/ids.js'
import { sendAlong } from './database/sql.js'
import { type IntegrationEventRecord, STATE_COLUMNS } from './entities.js'
import { statusColumns } from './listeners.js'
import type { StoredTask, TaskReader } from './task-reader.js'
import type { StoredStep } from './transition-log.js'

/** Under which condition a change is made, as SQL, and which properties of its row are read then. */
export interface Proviso {
  condition(parameter: (value: unknown) => string): string
  returning: readonly string[]
}

/** What happens to one task, whose row the caller has locked. */
export interface Change {
  row: Pick<StoredTask, 'id' | 'state'>
  events: TaskEvent[]
  /** The database's time, unix seconds. */
  at: number
}

export class EventLog {
  /** @param listened whether the application listens to these entities: then events go through interaqt's storage */
  constructor(
    private readonly tasks: TaskReader,
    readonly listened: boolean,
  ) {}

  /** In the caller's transaction. Gives each change's steps, in order. */
  async append(changes: Change[]): Promise<StoredStep[][]> {
    if (!this.listened) return this.#appendAll(changes)
    const steps: StoredStep[][] = []
    for (const change of changes) steps.push(await this.#appendTo(change))
    return steps
  }

  async #appendAll(changes: Change[]): Promise<StoredStep[][]> {
    const written: Written[] = []
    const steps: StoredStep[][] = []
    for (const { row, events, at } of changes) {
      const of = stepsOf(row.state, events, at)
      steps.push(of)
      const last = of.at(-1)
      if (last?.event.type === 'checked') await this.#noteLook(row.id, last.after)
      else if (last) written.push({ id: row.id, steps: of })
    }
    if (written.length > 0) await this.#write(written)
    return steps
  }

  /**
   * Sends along a change that is made under a condition, in the caller's transaction. Only where nobody listens.
   *
   * @returns the steps; and a promise, within an object, of the row afterwards: undefined if nothing was changed
   */
  async sendIf<Row>({ row, events, at }: Change, proviso: Proviso) {
    const steps = stepsOf(row.state, events, at)
    const { answer } = await this.#write<Row>([{ id: row.id, steps }], proviso)
    return { steps, after: answer.then(([changed]) => changed) }
  }

  /** Inserts the events and updates the rows, in one statement. */
  async #write<Row>(written: Written[], proviso?: Proviso): Promise<{ answer: Promise<Row[]> }> {
    const records = written.flatMap(({ id, steps }) =>
      steps.map(({ event, before, at }) => recordOf(id, event, before, at)),
    )
    const given: unknown[] = []
    const array = (type: string, values: unknown[]) => `$${given.push(values)}::${type === 'json' ? 'text' : type}[]`
    const condition = proviso?.condition((value) => `$${given.push(value)}`)
    const inserted = await this.#insertion(records, array, condition)
    const update = this.#update(written, array)
    const also = proviso ? ` AND EXISTS (SELECT FROM inserted) RETURNING ${this.tasks.columns(proviso.returning)}` : ''
    const sql = `WITH inserted AS (${inserted}) ${update}${also}`
    return sendAlong<Row>(this.tasks.controller, sql, given)
  }

  async #insertion(records: IntegrationEventRecord[], array: ArrayOf, condition?: string): Promise<string> {
    const { controller, names, events } = this.tasks
    const ids = await newIds(controller, names.integrationEvent, records.length)
    const columns = ['apiCallId', 'eventType', 'attempt', 'at', 'supersedes', 'data', 'id']
      .map(events.column)
      .join(', ')
    const all = <Name extends keyof IntegrationEventRecord>(name: Name) => records.map((record) => record[name])
    const arrays = [
      array('text', all('apiCallId')),
      array('text', all('eventType')),
      array('float8', all('attempt')),
      array('float8', all('at')),
      array('text', all('supersedes')),
      array('json', all('data').map(canonicalJSONStringify)),
      array(events.idType, ids.values),
    ]
    const [where, returning] = condition === undefined ? ['', ''] : [` WHERE ${condition}`, ' RETURNING TRUE']
    return (
      `INSERT INTO ${events.table} (${columns})` +
      ` SELECT "apiCallId", "eventType", attempt, at, supersedes, data::json, ${ids.of('id')}` +
      ` FROM unnest(${arrays.join(', ')}) WITH ORDINALITY` +
      ` AS event ("apiCallId", "eventType", attempt, at, supersedes, data, id, place)${where} ORDER BY place${returning}`
    )
  }

  #update(written: Written[], array: ArrayOf): string {
    const { calls, controller, names } = this.tasks
    const states = written.map(({ steps }) => stored(steps))
    const columns = Object.entries(STATE_COLUMNS)
    const values: Array<[columns: string[], type: string, values: unknown[]]> = [
      [statusColumns(controller, names), 'text', states.map(({ status }) => status)],
      [[calls.column('state')], 'json', states.map(canonicalJSONStringify)],
      ...columns.map(([name, { type, read }]): [string[], string, unknown[]] => [
        [calls.column(name)],
        SQL_TYPES[type],
        states.map((state) => (type === 'json' ? canonicalJSONStringify(read(state)) : read(state))),
      ]),
    ]
    const set = values.flatMap(([names, type], index) => names.map((name) => `${name} = value.v${index}::${type}`))
    // Rows of earlier versions have their result in `state`.
    const result = calls.column('result')
    set.push(`${result} = coalesce(value.result::json, call.${result}, 'null')`)
    const arrays = [
      array(
        calls.idType,
        written.map(({ id }) => calls.parseId(id)),
      ),
      array('text', written.map(resultOf)),
      ...values.map(([, type, of]) => array(type, of)),
    ]
    return (
      `UPDATE ${calls.table} AS call SET ${set.join(', ')} FROM unnest(${arrays.join(', ')})` +
      ` AS value (id, result, ${values.map((_, index) => `v${index}`).join(', ')}) WHERE call.${calls.column('id')} = value.id`
    )
  }

  async #appendTo({ row, events, at }: Change): Promise<StoredStep[]> {
    // Read from the events instead of the row, which would cost one more statement.
    const steps = stepsOf(row.state, events, at)
    for (const { event, before, after } of steps) {
      if (event.type === 'checked') await this.#noteLook(row.id, after)
      else await this.#store(row.id, event, before, at)
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
    const values = [parseId(apiCallId), JSON.stringify(state), claimableAt(state), uncheckedSince(state)]
    await sendAlong(this.tasks.controller, sql, values)
  }
}

/** Adds an array to a statement's values, and gives it as SQL. */
type ArrayOf = (type: string, values: unknown[]) => string

interface Written {
  id: string
  steps: StoredStep[]
}

const SQL_TYPES = { number: 'float8', string: 'text', json: 'json' } as const

function stepsOf(state: TaskState, events: TaskEvent[], at: number): StoredStep[] {
  let before = state
  return events.map((event) => {
    const after = evolve(before, event)
    const step = { event, before, after, at }
    before = after
    return step
  })
}

/** The state as its column has it: a result has a column of its own. */
function stored(steps: StoredStep[]): TaskState {
  const [first, last] = [steps[0] as StoredStep, steps.at(-1) as StoredStep]
  return { ...last.after, result: last.event.type === 'completed' ? null : first.before.result }
}

/** What the result's column is set to; null if it stays as it is. */
function resultOf({ steps }: Written): string | null {
  const result = steps.at(-1)?.after.result ?? null
  return result === null ? null : canonicalJSONStringify(result)
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
