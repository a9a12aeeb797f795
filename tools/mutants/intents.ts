import type { Mutant } from './mutant.js'

const PROTOCOL = ['tests/protocol']
const RUN_REPORTS = 'protocol/run-reports.ts'
const EVOLVE = 'protocol/evolve.ts'
const DECISION = 'protocol/rule-parts.ts'

/** Create intents: what may have been paid for, after a restored backup too. */
export const INTENTS_RULES: Mutant[] = [
  {
    name: 'restored-intents-of-the-backup-only',
    file: RUN_REPORTS,
    from: 'Array.from({ length: n }, (_, i) => ({ attempt: i + 1, at: context.now }))',
    to: 'state.openIntents',
    tests: PROTOCOL,
  },
  {
    name: 'restored-intents-kept-where-there-are-any',
    file: RUN_REPORTS,
    from: 'const openIntents: CreateIntent[] = Array.from({ length: n }, (_, i) => ({ attempt: i + 1, at: context.now }))',
    to: 'const openIntents: CreateIntent[] = state.openIntents.length > 0 ? state.openIntents : Array.from({ length: n }, (_, i) => ({ attempt: i + 1, at: context.now }))',
    tests: PROTOCOL,
  },
  {
    name: 'restored-intents-not-stored',
    file: EVOLVE,
    from: 'runId: null, openIntents: event.openIntents }',
    to: 'runId: null }',
    tests: PROTOCOL,
  },
  {
    name: 'failed-forgets-intents',
    file: EVOLVE,
    from: 'openIntents: event.providerEnded ? [] : withIntent(state.openIntents, event.intent),',
    to: 'openIntents: [],',
    tests: PROTOCOL,
  },
  {
    name: 'failed-forgets-provider-task',
    file: EVOLVE,
    from: 'providerTask: event.providerEnded ? null : state.providerTask,',
    to: 'providerTask: null,',
    tests: PROTOCOL,
  },
  {
    name: 'asking-closes-intents',
    file: EVOLVE,
    from: 'openIntents: event.providerTask ? [] : withIntent(state.openIntents, event.intent ?? null),',
    to: 'openIntents: [],',
    tests: PROTOCOL,
  },
  {
    name: 'restored-run-refused',
    file: RUN_REPORTS,
    from: "n > currentAttempt(state) || state.status === 'failed'",
    to: "state.status === 'failed'",
    tests: PROTOCOL,
  },
  {
    name: 'restored-attempt-that-failed-refused',
    file: RUN_REPORTS,
    from: "n > currentAttempt(state) || state.status === 'failed'",
    to: 'n > currentAttempt(state)',
    tests: PROTOCOL,
  },
  {
    name: 'restored-attempt-under-way-not-ended',
    file: RUN_REPORTS,
    from: "if (state.status !== 'processing') return [restored]",
    to: 'if (true as boolean) return [restored]',
    tests: PROTOCOL,
  },
  {
    name: 'restored-attempts-not-followed',
    file: RUN_REPORTS,
    from: 'attempts: n - 1,',
    to: 'attempts: state.attempts,',
    tests: PROTOCOL,
  },
  {
    name: 'begin-without-intent',
    file: RUN_REPORTS,
    from: 'const intent = request.createIntent === false ? null : { attempt: request.attempt, at: context.now }',
    to: 'const intent = null',
    tests: PROTOCOL,
  },
  {
    name: 'begin-again-is-new',
    file: RUN_REPORTS,
    from: 'if (state.runId === request.runId) return accept([], { begin: answer })',
    to: '',
    tests: PROTOCOL,
  },
  {
    name: 'begin-tells-its-own-intent',
    file: RUN_REPORTS,
    from: 'openIntents: state.openIntents.filter((intent) => intent.attempt !== request.attempt),',
    to: 'openIntents: state.openIntents,',
    tests: PROTOCOL,
  },
  {
    name: 'another-provider-task',
    file: RUN_REPORTS,
    from: 'if (request.providerTask && request.providerTask.id !== known) {',
    to: 'if (false as boolean) {',
    tests: PROTOCOL,
  },
  {
    name: 'asking-before-begin-without-intent',
    file: RUN_REPORTS,
    from: '...(state.runId === null && { intent: { attempt: request.attempt, at: context.now } }),',
    to: '',
    tests: PROTOCOL,
  },
  {
    name: 'forgotten-begin-without-intent',
    file: DECISION,
    from: 'const intent = beginForgotten ? { attempt, at: now } : null',
    to: 'const intent = null as CreateIntent | null',
    tests: PROTOCOL,
  },
]
