import type { Mutant } from './mutant.js'

const PROTOCOL = ['tests/protocol']
const COMMAND_LINE = ['tests/package/tasks.full.test.ts']
const EVOLVE = 'protocol/evolve.ts'
const OPERATOR_REQUESTS = 'protocol/operator-requests.ts'

/** Requests of operators. */
export const OPERATORS_RULES: Mutant[] = [
  {
    name: 'create-of-whichever-attempt',
    file: 'tasks/waiting-for.ts',
    from: 'last.attempt === currentAttempt(state)',
    to: 'last.attempt <= currentAttempt(state)',
    tests: ['tests/tasks/operators.test.ts'],
  },
  {
    name: 'left-alone-and-not-told',
    file: 'main-component/console/page/batches.ts',
    from: 'missing > 0 ?',
    to: 'missing < 0 ?',
    tests: ['tests/package/tasks.full.test.ts'],
  },
  {
    name: 'cancelled-run-forgotten',
    file: EVOLVE,
    from: 'runUnseen: mayHaveLiveRun(state),',
    to: 'runUnseen: false,',
    tests: PROTOCOL,
  },
  {
    name: 'cancelled-run-between-claims-forgotten',
    file: EVOLVE,
    from: " || (state.status === 'pending' && state.runId !== null)",
    to: '',
    tests: PROTOCOL,
  },
  {
    name: 'cancelled-though-final',
    file: OPERATOR_REQUESTS,
    from: 'if (isFinal(state)) return refused(`It is over already: ${state.status}`)',
    to: '',
    tests: PROTOCOL,
  },
  {
    name: 'retry-of-what-has-not-failed',
    file: OPERATOR_REQUESTS,
    from: "if (state.status !== 'failed') return refused(",
    to: '',
    tests: PROTOCOL,
  },
  {
    name: 'retry-limit-from-zero',
    file: OPERATOR_REQUESTS,
    from: 'state.attempts + request.extraAttempts',
    to: 'request.extraAttempts',
    tests: PROTOCOL,
  },
  {
    name: 'retry-lowers-the-limit',
    file: OPERATOR_REQUESTS,
    from: 'Math.max(state.attemptLimit, state.attempts + request.extraAttempts)',
    to: 'state.attempts + request.extraAttempts',
    tests: PROTOCOL,
  },
  {
    name: 'act-carried-out-though-not-recorded',
    file: 'tasks/task-requests.ts',
    from: 'await record?.(done)',
    to: 'await record?.(done).catch(() => {})',
    tests: ['tests/tasks/operator-acts.test.ts'],
  },
  {
    name: 'day-counted-at-each-look',
    file: 'tasks/operators/counted-ends.ts',
    from: 'start + seconds + SETTLED_SECONDS < now',
    to: 'start + seconds + SETTLED_SECONDS < 0',
    tests: ['tests/tasks/operators-watching.full.test.ts'],
  },
  {
    name: 'retry-that-may-be-charged-twice',
    file: 'tasks/operators/many.ts',
    from: '{ mayPayTwice: lost }',
    to: '{ mayPayTwice: 0 }',
    tests: ['tests/tasks/operators.test.ts'],
  },
  {
    name: 'lost-answer-not-counted',
    file: 'main-component/count-metrics.ts',
    from: 'if (isOpen || isLost)',
    to: 'if (isOpen)',
    tests: ['tests/main-component/metrics.test.ts'],
  },
  {
    name: 'changed-though-nobody-agreed',
    file: 'package/tasks/acting.ts',
    from: 'if (!yes && !(await agreed(session, question))) return 1',
    to: 'if (!yes) await agreed(session, question)',
    tests: COMMAND_LINE,
  },
  {
    name: 'written-to-the-terminal-as-others-wrote-it',
    file: 'package/tasks/terminal.ts',
    from: "return text.replace(CONTROL, ' ')",
    to: 'return text',
    tests: COMMAND_LINE,
  },
]
