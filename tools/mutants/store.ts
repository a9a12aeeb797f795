import type { Mutant } from './mutant.js'

const TASK_STORE = 'tasks/task-store.ts'
const LOCKED = ['tests/tasks/locked-row.test.ts']

/** How a request is carried out: under the row's lock, with the time read under it, within the capacity. */
export const STORE_RULES: Mutant[] = [
  {
    name: 'capacity-counted-for-pending-only',
    file: TASK_STORE,
    from: 'maxTasksInFlight !== undefined && !isLive(row.state)',
    to: "maxTasksInFlight !== undefined && row.state.status === 'pending'",
    tests: ['tests/tasks/in-flight-limit.test.ts'],
  },
  {
    name: 'capacity-shown-for-pending-only',
    file: 'tasks/apis/fetch-pending-tasks.ts',
    from: "status === 'queued' || free-- > 0",
    to: "status !== 'pending' || free-- > 0",
    tests: ['tests/tasks/in-flight-limit.test.ts'],
  },
  {
    name: 'listeners-not-looked-for',
    file: TASK_STORE,
    from: 'new EventLog(this, this.listeners.length > 0)',
    to: 'new EventLog(this, false)',
    tests: ['tests/tasks/listeners.test.ts'],
  },
  {
    name: 'side-effects-not-looked-for',
    file: 'tasks/listeners.ts',
    from: '...computations, ...effects,',
    to: '...computations,',
    tests: ['tests/tasks/listeners.test.ts'],
  },
  {
    name: 'state-machine-left-behind',
    file: 'tasks/listeners.ts',
    from: "['status', ...machineStates(apiCall)].map(",
    to: "['status'].map(",
    tests: ['tests/tasks/listeners.test.ts'],
  },
  {
    name: 'row-not-locked',
    file: TASK_STORE,
    from: '= $1 FOR UPDATE`',
    to: '= $1`',
    tests: LOCKED,
  },
  {
    name: 'time-of-the-transaction',
    file: 'tasks/database/sql.ts',
    from: 'extract(epoch FROM clock_timestamp())',
    to: 'extract(epoch FROM now())',
    tests: LOCKED,
  },
  {
    name: 'claims-not-unique',
    file: 'tasks/entities.ts',
    from: "where: { eventType: { op: 'equals', value: 'queued' } },",
    to: "where: { eventType: { op: 'equals', value: 'no-such-type' } },",
    tests: LOCKED,
  },
  {
    name: 'time-before-the-lock',
    file: TASK_STORE,
    from: 'SELECT *, ${CLOCK} AS now FROM locked',
    to: 'SELECT *, extract(epoch FROM statement_timestamp())::float8 AS now FROM locked',
    tests: LOCKED,
  },
  {
    name: 'claims-supersede-nothing',
    file: 'tasks/event-log.ts',
    from: "supersedes: event.type === 'queued' && !event.adopted ? (before.fencingToken ?? '') : null",
    to: 'supersedes: null',
    tests: LOCKED,
  },
]
