import type { Mutant } from './mutant.js'

const SIGN_IN = ['tests/main-component/console/sign-in.test.ts']
const CHANGES = ['tests/main-component/console/changes.test.ts']
const DAEMONS = ['tests/tasks/daemons.test.ts']
const OPERATORS = 'main-component/operators.ts'

/** Who gets into the console, and what it is told. */
export const CONSOLE_RULES: Mutant[] = [
  {
    name: 'session-changes-something-for-any-page',
    file: OPERATORS,
    from: "isSame(c.req.header(CSRF_HEADER) ?? '', csrf)",
    to: 'csrf',
    tests: SIGN_IN,
  },
  {
    name: 'session-of-the-console-is-a-daemon',
    file: 'main-component/api-routes.ts',
    from: 'if (api.operator) return identifyOperator(',
    to: 'if (api.internal) return identifyOperator(',
    tests: SIGN_IN,
  },
  {
    name: 'session-without-end',
    file: 'main-component/console/sessions.ts',
    from: 'return until > now ?',
    to: 'return until > 0 ?',
    tests: SIGN_IN,
  },
  {
    name: 'session-anybody-signs',
    file: 'main-component/console/sessions.ts',
    from: "if (!isSame(signature, this.#sign('session', text))) return undefined",
    to: "if (text === '') return undefined",
    tests: SIGN_IN,
  },
  {
    name: 'sign-in-tried-for-ever',
    file: 'main-component/console/attempts.ts',
    from: 'this.#count(key, now) >= most',
    to: 'this.#count(key, now) > 10 * most',
    tests: SIGN_IN,
  },
  {
    name: 'any-user-operates',
    file: 'main-component/authentication.ts',
    from: 'if (!user?.operator) throw',
    to: 'if (!user) throw',
    tests: SIGN_IN,
  },
  {
    name: 'changes-told-as-they-come',
    file: 'tasks/operators/changes.ts',
    from: '      await pause(BETWEEN_EVENTS_MS, signal)\n',
    to: '',
    tests: CHANGES,
  },
  {
    name: 'daemon-written-down-at-each-request',
    file: 'tasks/daemons.ts',
    from: 'writtenAt + WRITE_EVERY_MS : ',
    to: 'writtenAt : ',
    tests: DAEMONS,
  },
  {
    name: 'waits-for-no-daemon',
    file: 'tasks/waiting-for.ts',
    from: '> DAEMON_MISSING_SECONDS',
    to: '> 1000 * DAEMON_MISSING_SECONDS',
    tests: DAEMONS,
  },
  {
    name: 'stream-outlives-its-session',
    file: 'main-component/api-routes.ts',
    from: 'const end = setTimeout(() => request.abort(), leftMs)',
    to: 'const end = setTimeout(() => {}, leftMs)',
    tests: CHANGES,
  },
]
