import type { Mutant } from './mutant.js'

const TASK_STORE = 'tasks/task-store.ts'
const TASK_REQUESTS = 'tasks/task-requests.ts'
const CONNECTION = 'main-component/postgres-connection.ts'
const TRANSACTIONS = ['tests/main-component/postgres-connection.test.ts']
const LOCKED = ['tests/tasks/locked-row.test.ts']

/** How a request is carried out: under the row's lock, with the time read under it, within the capacity. */
export const STORE_RULES: Mutant[] = [
  {
    name: 'capacity-counted-for-pending-only',
    file: TASK_REQUESTS,
    from: "request.status === 'queued' && !isLive(row.state)",
    to: "request.status === 'queued' && row.state.status === 'pending'",
    tests: ['tests/tasks/in-flight-limit.test.ts'],
  },
  {
    name: 'commit-of-what-has-failed',
    file: CONNECTION,
    from: "if (answer.command === 'ROLLBACK') throw this.#failure ?? new Error('The transaction was rolled back')",
    to: '',
    tests: TRANSACTIONS,
  },
  {
    name: 'writes-before-they-have-begun',
    file: CONNECTION,
    from: 'this.#isHeld ||= !READS.test(text)',
    to: '',
    tests: TRANSACTIONS,
  },
  {
    name: 'user-places-not-taken',
    file: 'tasks/task-limits.ts',
    from: "if (taken >= this.perUser) return 'user_at_capacity'",
    to: '',
    tests: ['tests/tasks/user-limit.full.test.ts'],
  },
  {
    name: 'users-not-looked-at',
    file: 'tasks/claimable-per-user.ts',
    from: "const tooFew = '(SELECT too_few FROM look)'",
    to: "const tooFew = 'FALSE'",
    tests: ['tests/tasks/user-limit.full.test.ts'],
  },
  {
    name: 'users-from-the-first-one-on',
    file: 'tasks/claimable-per-user.ts',
    from: 'floor(random() * 4294967296 - 2147483648)::int',
    to: '-2147483648',
    tests: ['tests/tasks/user-limit.full.test.ts'],
  },
  {
    name: 'pause-not-heeded',
    file: 'tasks/integration-control.ts',
    from: '...(paused && { paused, maxTasksInFlight: 0 })',
    to: '...(paused && {})',
    tests: ['tests/tasks/integration-control.test.ts'],
  },
  {
    name: 'claim-as-expected-despite-limits',
    file: 'tasks/claim-batch.ts',
    from: 'expected && isUnlimited(rules)',
    to: 'expected',
    tests: ['tests/tasks/integration-control.test.ts'],
  },
  {
    name: 'setting-changed-beside-claims',
    file: 'tasks/integration-control.ts',
    from: "return `pg_${how === 'try' ? 'try_' : ''}advisory_xact_lock_shared(hashtextextended(${lockParameter}, 0))`",
    to: "return how === 'try' ? `${lockParameter} <> ''` : `length(${lockParameter})`",
    tests: ['tests/tasks/integration-control.test.ts'],
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
    file: TASK_REQUESTS,
    from: '= ANY($1) FOR UPDATE ${how}`',
    to: '= ANY($1)`',
    tests: LOCKED,
  },
  {
    name: 'reports-wait-for-each-other',
    file: TASK_REQUESTS,
    from: "[...requests.keys()], 'SKIP LOCKED')",
    to: '[...requests.keys()])',
    tests: ['tests/tasks/reports-together.test.ts'],
  },
  {
    name: 'one-bad-report-fails-all',
    file: TASK_REQUESTS,
    from: 'asked.length === 1 || concernsAll',
    to: 'asked.length > 0 || concernsAll',
    tests: ['tests/tasks/reports-together.test.ts'],
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
    file: TASK_REQUESTS,
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
  {
    name: 'store-half-made-database-is-free',
    file: 'main-component/database-folder.ts',
    from: "stdio: ['ignore', 'ignore', 'pipe', fd],",
    to: "stdio: ['ignore', 'ignore', 'pipe', fd > 0 ? 'ignore' : fd],",
    tests: ['tests/main-component/data-dir-lock.full.test.ts'],
    seconds: 60,
  },
]
