import type { Mutant } from './mutant.js'

const SIGN_IN = ['tests/main-component/console/sign-in.test.ts']
const CHANGES = ['tests/main-component/console/changes.test.ts']
const DAEMONS = ['tests/tasks/daemons.test.ts']
const ACTING = ['tests/console/acting.full.test.ts']
/** A browser, ten thousand tasks. */
const BROWSER_SECONDS = 60
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
    name: 'daemon-that-is-gone-comes-back',
    file: 'tasks/daemon-rows.ts',
    from: "THEN state ELSE known.${column('state')} END",
    to: 'THEN state ELSE state END',
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
  {
    name: 'console-loads-what-a-result-names',
    file: 'main-component/console/page/result.ts',
    from: '`../artifacts/${encodeURIComponent(key)}`',
    to: '`../artifacts/${key}`',
    tests: ['tests/console/hostile.full.test.ts'],
    seconds: BROWSER_SECONDS,
  },
  {
    name: 'console-cancels-all-there-are',
    file: 'main-component/console/page/filters.ts',
    from: "if (filter.status === 'completed' || filter.status === 'cancelled') return undefined\n  return Object.keys(filter).length === 0 ? undefined : forActs(filter)",
    to: 'return forActs(filter)',
    tests: ACTING,
    seconds: BROWSER_SECONDS,
  },
  {
    name: 'console-dialog-loses-the-focus',
    file: 'main-component/console/page/dialog.ts',
    from: 'return () => element?.close()',
    to: '',
    tests: ACTING,
    seconds: BROWSER_SECONDS,
  },
]
