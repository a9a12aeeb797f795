import type { Mutant } from './mutant.js'

const WATCHES = 'tasks/task-watches.ts'
const GET_TASK = 'tasks/apis/get-task.ts'
const OWN_TASKS = 'tasks/apis/own-tasks.ts'
const EVENTS = 'tasks/apis/task-events.ts'

const UNIT = ['tests/tasks/task-watches.test.ts']
const OVER_HTTP = ['tests/main-component/own-tasks.test.ts']
const CLIENT = ['tests/client/client.test.ts']

/** What main's callers rely on: notifications, privacy of tasks, and one task per request. */
export const CALLERS_RULES: Mutant[] = [
  {
    name: 'own-moves-wake-nobody',
    file: WATCHES,
    from: '    this.#hasMoved = true\n    this.#waiting?.wake()',
    to: '',
    tests: UNIT,
  },
  {
    name: 'move-before-the-wait-missed',
    file: WATCHES,
    from: 'if (this.#hasMoved) {',
    to: 'if (this.#hasMoved && ms < 0) {',
    tests: UNIT,
  },
  {
    name: 'moves-of-others-unseen',
    file: WATCHES,
    from: 'this.#waiting.entries !== length',
    to: 'this.#waiting.entries > length',
    tests: UNIT,
  },
  {
    name: 'any-look-wakes',
    file: WATCHES,
    from: 'this.#waiting && this.#waiting.entries !== length',
    to: 'this.#waiting && this.#waiting.entries !== -length - 1',
    tests: UNIT,
  },
  {
    name: 'any-number-waits',
    file: WATCHES,
    from: 'if (this.#count >= MAX_WATCHES)',
    to: 'if (this.#count >= 2 * MAX_WATCHES)',
    tests: UNIT,
  },
  {
    name: 'waits-where-there-is-news',
    file: GET_TASK,
    from: 'task.timeline.length > 0 || ',
    to: '',
    tests: OVER_HTTP,
    seconds: 30,
  },
  {
    name: 'waits-for-what-has-ended',
    file: GET_TASK,
    from: 'isOver(task) || ',
    to: '',
    tests: OVER_HTTP,
    seconds: 30,
  },
  {
    name: 'who-waits-keeps-others-waiting',
    file: 'main-component/admission.ts',
    from: 'this.#users.take(begin)',
    to: 'this.#users.take(() => begin((wait) => wait()))',
    tests: OVER_HTTP,
  },
  {
    name: 'left-turn-given-back-twice',
    file: 'tasks/database/turns.ts',
    from: 'if (has) setImmediate',
    to: 'setImmediate',
    tests: ['tests/main-component/turns.test.ts'],
  },
  {
    name: 'events-of-anybodys-task',
    file: EVENTS,
    from: 'const viewer = viewerOf(context)',
    to: 'const viewer = viewerOf({ ...context, operator: true })',
    tests: OVER_HTTP,
  },
  {
    name: 'events-from-the-beginning-again',
    file: 'main-component/api-routes.ts',
    from: "c.req.header('last-event-id')",
    to: "c.req.header('no-such-header')",
    tests: OVER_HTTP,
  },
  {
    name: 'everybodys-tasks-listed',
    file: 'tasks/task-reader.ts',
    from: "`${column('userId')} = ${value(userId)}`",
    to: "`${value(userId)} <> ''`",
    tests: OVER_HTTP,
  },
  {
    name: 'page-by-time-alone',
    file: 'tasks/task-reader.ts',
    from: '`(${place}) < (${value(after.createdAt)}::float8, ${value(after.taskKey)})`',
    to: "`${column('createdAt')} < ${value(after.createdAt)}::float8`",
    tests: OVER_HTTP,
  },
  {
    name: 'anybodys-task-cancelled',
    file: OWN_TASKS,
    from: 'findByKey(taskId, viewerOf(context))',
    to: "findByKey(taskId, 'operator')",
    tests: OVER_HTTP,
  },
  {
    name: 'new-key-for-each-try',
    file: 'client/connection.ts',
    from: '`"${idempotencyKey}"`',
    to: '`"${idempotencyKey}${Math.random()}"`',
    tests: CLIENT,
  },
  {
    name: 'progress-told-twice',
    file: 'client/task.ts',
    from: '      seen += view.timeline.length\n',
    to: '      seen += view.timeline.length - 1\n',
    tests: CLIENT,
    seconds: 30,
  },
  {
    name: 'gives-up-with-the-connection',
    file: 'client/task.ts',
    from: 'retryForMs: Number.POSITIVE_INFINITY',
    to: 'retryForMs: 0',
    tests: CLIENT,
  },
  {
    name: 'signal-for-each-request',
    file: 'main-component/api-routes.ts',
    from: 'const context: APIContext = {',
    to: 'follow()\n      const context: APIContext = {',
    tests: ['tests/main-component/request-signal.test.ts'],
  },
  {
    name: 'log-lines-written-one-by-one',
    file: 'lib/log-destination.ts',
    from: 'setTimeout(writeWaiting, GATHER_MS)',
    to: 'writeWaiting()',
    tests: ['tests/lib/log-destination.test.ts'],
  },
]
