/**
 * The two entities of an integration: the APICall, whose every change follows from events, and the append-only
 * IntegrationEvent. The protocol's `evolve` tells what an event does to a row.
 */
import { randomBytes } from 'node:crypto'
import {
  ComputationResult,
  Entity,
  type EntityInstance,
  Property,
  StateMachine,
  StateNode,
  StateTransfer,
  UniqueConstraint,
} from 'interaqt'
import { activeTraceparent } from '../lib/tracing.js'
import {
  claimableAt,
  evolve,
  initialTaskState,
  startsStatus,
  TASK_STATUSES,
  type TaskEvent,
  type TaskEventType,
  type TaskState,
  type TaskStatus,
  TRANSITIONS,
  uncheckedSince,
} from '../protocol/index.js'
import { number, object, text } from './model.js'

/** An IntegrationEvent as it is appended. */
export interface IntegrationEventRecord {
  apiCallId: string
  eventType: TaskEventType
  attempt: number
  /** The database's time, unix seconds. */
  at: number
  /** The row's token before a claim, else null; adopting a run is not a claim. */
  supersedes: string | null
  data: TaskEvent
}

export interface CallEntityNames {
  apiCall: string
  integrationEvent: string
}

export function callEntityNames(entityPrefix: string): CallEntityNames {
  return { apiCall: `${entityPrefix}APICall`, integrationEvent: `${entityPrefix}IntegrationEvent` }
}

/**
 * Makes both entities.
 *
 * A new row is `pending`; its creation may set a part of its `state`, such as `{dueAt}` for a delayed task.
 *
 * @param maxAttempts the attempts of a new row
 */
export function createCallEntities(
  names: CallEntityNames,
  maxAttempts: number,
): { apiCall: EntityInstance; integrationEvent: EntityInstance } {
  const apiCall = apiCallEntity(names, maxAttempts)
  taskEntities.add(apiCall)
  return { apiCall, integrationEvent: integrationEventEntity(names) }
}

const taskEntities = new WeakSet<EntityInstance>()

/** Whether an entity's rows are tasks: later versions of the protocol continue with their stored state. */
export function isTaskEntity(entity: EntityInstance): boolean {
  return taskEntities.has(entity)
}

/** Columns for people and queries, all of which follow from `state`. */
export const STATE_COLUMNS: Readonly<
  Record<string, { type: 'number' | 'string' | 'json'; read(state: TaskState): unknown }>
> = {
  attempts: { type: 'number', read: (state) => state.attempts },
  startedAt: { type: 'number', read: (state) => state.startedAt },
  dueAt: { type: 'number', read: (state) => state.dueAt },
  claimableAt: { type: 'number', read: claimableAt },
  uncheckedSince: { type: 'number', read: uncheckedSince },
  runId: { type: 'string', read: (state) => state.runId },
  error: { type: 'json', read: (state) => state.error },
}

/** 128 random bits, because the public id must not be guessable. Older rows have eight characters. */
export const newTaskKey = labelled('taskKey.v1', () => randomBytes(16).toString('base64url'))

function apiCallEntity(names: CallEntityNames, maxAttempts: number): EntityInstance {
  const columns = Object.entries(STATE_COLUMNS).map(([name, { type, read }]) => stateColumn(name, type, read))
  return Entity.create({
    name: names.apiCall,
    properties: [
      Property.create({
        name: 'taskKey',
        type: 'string',
        defaultValue: newTaskKey,
      }),
      // The user who may see it; null for nobody in particular.
      text('userId'),
      createdAt(),
      // Higher ones are claimed first. Null for 0, as in rows of earlier versions.
      number('priority'),
      object('requestParams'),
      Property.create({ name: 'status', type: 'string', computation: machine(names) }),
      Property.create({ name: 'state', type: 'object', computation: machine(names, stateAfter(maxAttempts)) }),
      ...columns.slice(0, -1),
      // Rows of earlier versions have it in `state` too; the store writes it here, and other changes keep it.
      Property.create({
        name: 'result',
        type: 'json',
        computed: labelled(
          'result.v1',
          (row: { state?: Partial<TaskState>; result?: unknown }) => row.state?.result ?? row.result ?? null,
        ),
      }),
      ...columns.slice(-1),
      // The URL that is told of the end; null for none. The other two are only changed by the store: see webhooks.ts.
      ...[text('webhook'), number('webhookDueAt'), object('webhookProgress')],
      // The trace that it was created in, for everything that happens to it; null for none.
      Property.create({
        name: 'traceparent',
        type: 'string',
        defaultValue: labelled('traceparent.v1', () => activeTraceparent() ?? null),
      }),
    ],
  })
}

function integrationEventEntity(names: CallEntityNames): EntityInstance {
  return Entity.create({
    name: names.integrationEvent,
    properties: [
      ...['apiCallId', 'eventType'].map(text),
      ...['attempt', 'at'].map(number),
      ...[text('supersedes'), object('data')],
    ],
    constraints: [
      // The row's lock lets one claimer win. If it ever failed, two claims of one row would supersede the same token,
      // and the second is refused here.
      UniqueConstraint.create({
        name: `${names.integrationEvent}_one_claim`,
        properties: ['apiCallId', 'attempt', 'supersedes'],
        where: { eventType: { op: 'equals', value: 'queued' } },
        violationCode: 'CLAIMED_TWICE',
      }),
    ],
  })
}

/** In unix seconds. */
export function createdAt() {
  const defaultValue = labelled('createdAt.v1', () => Date.now() / 1000)
  return Property.create({ name: 'createdAt', type: 'number', defaultValue })
}

/** What the protocol makes of an event, or of what a task was created with. */
function stateAfter(maxAttempts: number) {
  return (status: TaskStatus) =>
    labelled(`state.${status}.v3`, (last: unknown, mutation?: unknown) =>
      mutation === undefined
        ? initial(last as Partial<TaskState> | undefined, maxAttempts)
        : evolve(last as TaskState, (mutation as { record: IntegrationEventRecord }).record.data),
    )
}

/** Nothing to write where `newTask` has given all of it. */
function initial(given: Partial<TaskState> | undefined, maxAttempts: number) {
  const isWhole = given !== undefined && Object.keys(initialTaskState(maxAttempts)).every((name) => name in given)
  return isWhole && given.status === 'pending' ? ComputationResult.skip() : newTaskState(given, maxAttempts)
}

/** Nothing to write where the task was created with it. */
const pendingStatus = labelled('status.pending.v1', (last: unknown, mutation?: unknown) =>
  mutation === undefined && last === 'pending' ? ComputationResult.skip() : 'pending',
)

/** What a task is created with: all that its state machines would write into the new row, each by a statement. */
export function newTask(given: Partial<TaskState>, maxAttempts: number): { status: TaskStatus; state: TaskState } {
  return { status: 'pending', state: newTaskState(given, maxAttempts) }
}

function newTaskState(given: Partial<TaskState> | undefined, maxAttempts: number): TaskState {
  const status = given?.status ?? 'pending'
  if (status !== 'pending') throw new Error(`A task is created pending, not ${status}: append events to move it`)
  return { ...initialTaskState(maxAttempts), ...given }
}

/**
 * A state machine with the protocol's states and edges. It reacts to events that enter a status or, if it computes a
 * value, to all events. `status` and `state` have one each: a machine sets one property, and nothing else may change a
 * status.
 */
function machine(
  { integrationEvent }: CallEntityNames,
  computeValue?: (status: TaskStatus) => (last: unknown, mutation?: unknown) => unknown,
) {
  const node = (name: TaskStatus) =>
    StateNode.create({
      name,
      ...(computeValue ? { computeValue: computeValue(name) } : name === 'pending' && { computeValue: pendingStatus }),
    })
  const nodes = Object.fromEntries(TASK_STATUSES.map((status) => [status, node(status)])) as Record<
    TaskStatus,
    ReturnType<typeof node>
  >
  const transfers = TASK_STATUSES.flatMap((from) =>
    (Object.entries(TRANSITIONS[from]) as Array<[TaskEventType, TaskStatus]>)
      .filter(([type, to]) => computeValue || startsStatus(from, to, type))
      .map(([type, to]) =>
        StateTransfer.create({
          trigger: { recordName: integrationEvent, type: 'create', record: { eventType: type } },
          current: nodes[from],
          next: nodes[to],
          computeTarget: labelled('event.apiCallId.v1', (mutation: { record: IntegrationEventRecord }) => ({
            id: mutation.record.apiCallId,
          })),
        }),
      ),
  )
  return StateMachine.create({ states: Object.values(nodes), transfers, initialState: nodes.pending })
}

/** A column for people and queries, which interaqt keeps in step with `state`. */
function stateColumn(name: string, type: 'number' | 'string' | 'json', read: (state: TaskState) => unknown) {
  return Property.create({
    name,
    type,
    // At the first write of a new row there is no complete state yet.
    computed: labelled(`${name}.v1`, (row: { state?: Partial<TaskState> }) =>
      row.state?.status === undefined ? null : read(row.state as TaskState),
    ),
  })
}

/**
 * Labels a function for interaqt's hash, so that another build of the same source attaches to an existing database.
 * Raise the label's version whenever the function's meaning changes.
 */
export function labelled<F extends (...args: never[]) => unknown>(label: string, fn: F): F {
  return Object.defineProperty(fn, 'toString', { value: () => label })
}
