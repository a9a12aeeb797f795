import type { Mutant } from './mutant.js'

const PROTOCOL = ['tests/protocol']
const PROCESSOR_REPORTS = 'protocol/processor-reports.ts'
const RUN_REPORTS = 'protocol/run-reports.ts'
const EVOLVE = 'protocol/evolve.ts'
const DECISION = 'protocol/rule-parts.ts'

/** Fencing: a run reports by attempt and run id, everyone else by attempt and token. */
export const FENCING_RULES: Mutant[] = [
  {
    name: 'other-task',
    file: 'protocol/decide.ts',
    from: 'if (request.taskKey !== undefined && request.taskKey !== context.taskKey) {',
    to: 'if (false as boolean) {',
    tests: PROTOCOL,
  },
  {
    name: 'stale-token',
    file: PROCESSOR_REPORTS,
    from: 'if (request.fencingToken !== state.fencingToken) {',
    to: 'if (false as boolean) {',
    tests: PROTOCOL,
  },
  {
    name: 'begin-keeps-token',
    file: EVOLVE,
    from: 'runId: event.runId,\n        fencingToken: event.fencingToken,\n        leaseExpiresAt: event.leaseExpiresAt,',
    to: 'runId: event.runId,\n        leaseExpiresAt: event.leaseExpiresAt,',
    tests: PROTOCOL,
  },
  {
    name: 'any-run',
    file: RUN_REPORTS,
    from: 'if (live.runId !== null && live.runId !== request.runId) {',
    to: 'if (false as boolean) {',
    tests: PROTOCOL,
  },
  {
    name: 'outcome-of-another-run',
    file: RUN_REPORTS,
    from: 'if (live.runId !== null && live.runId !== request.runId) {',
    to: "if (live.runId !== null && live.runId !== request.runId && !['completed', 'failed'].includes(request.status)) {",
    tests: PROTOCOL,
  },
  {
    name: 'processing-of-another-run',
    file: RUN_REPORTS,
    from: 'if (live.runId !== null && live.runId !== request.runId) {',
    to: "if (live.runId !== null && live.runId !== request.runId && request.status !== 'processing') {",
    tests: PROTOCOL,
  },
  {
    name: 'failed-of-an-attempt-that-is-over',
    file: RUN_REPORTS,
    from: 'if (n < currentAttempt(state)) return',
    to: "if (n < currentAttempt(state) && request.status !== 'failed') return",
    tests: PROTOCOL,
  },
  {
    name: 'completed-of-an-attempt-that-is-over',
    file: RUN_REPORTS,
    from: 'if (n < currentAttempt(state)) return',
    to: "if (n < currentAttempt(state) && request.status !== 'completed') return",
    tests: PROTOCOL,
  },
  {
    name: 'released-keeps-token',
    file: EVOLVE,
    from: "case 'released':\n      return {\n        fencingToken: event.fencingToken,",
    to: "case 'released':\n      return {",
    tests: PROTOCOL,
  },
  {
    name: 'processing-keeps-token',
    file: EVOLVE,
    from: 'fencingToken: event.fencingToken,\n        leaseExpiresAt: null,\n        providerTask',
    to: 'leaseExpiresAt: null,\n        providerTask',
    tests: PROTOCOL,
  },
  {
    name: 'end-keeps-token',
    file: EVOLVE,
    from: 'fencingToken: event.fencingToken,\n    leaseExpiresAt: null,\n    claim: null,',
    to: 'leaseExpiresAt: null,\n    claim: null,',
    tests: PROTOCOL,
  },
  {
    name: 'cancelled-keeps-token',
    file: EVOLVE,
    from: "case 'cancelled':\n      return {\n        fencingToken: event.fencingToken,",
    to: "case 'cancelled':\n      return {",
    tests: PROTOCOL,
  },
  {
    name: 'verdict-on-another-attempt',
    file: PROCESSOR_REPORTS,
    from: 'if (request.attempt !== currentAttempt(state)) {',
    to: 'if (false as boolean) {',
    tests: PROTOCOL,
  },
  {
    name: 'verdict-on-what-is-over',
    file: PROCESSOR_REPORTS,
    from: 'if (!isLive(state) && !cancelledAndRunning)',
    to: 'if (false as boolean)',
    tests: PROTOCOL,
  },
  {
    name: 'closed-though-not-cancelled',
    file: PROCESSOR_REPORTS,
    from: "if (state.status !== 'cancelled') return refuse(state, 'closed', 'wrong_status')",
    to: '',
    tests: PROTOCOL,
  },
  {
    name: 'running-renews-no-lease',
    file: PROCESSOR_REPORTS,
    from: "state.status === 'queued' ? context.now + context.policy.stuckTimeoutSeconds : null",
    to: 'null',
    tests: PROTOCOL,
  },
  {
    name: 'run-not-adopted',
    file: RUN_REPORTS,
    from: "if (!isForgotten && state.status !== 'pending') return []",
    to: 'if (!isForgotten) return []',
    tests: PROTOCOL,
  },
  {
    name: 'outcome-again-refused',
    file: RUN_REPORTS,
    from: 'if (state.outcomes[n] === request.status) return accept([])',
    to: '',
    tests: PROTOCOL,
  },
  {
    name: 'verdict-again-refused',
    file: PROCESSOR_REPORTS,
    from: 'if (state.outcomes[request.attempt] === request.status) return accept([])',
    to: '',
    tests: PROTOCOL,
  },
  {
    name: 'any-outcome-again',
    file: RUN_REPORTS,
    from: 'state.outcomes[n] === request.status',
    to: 'state.outcomes[n] !== undefined',
    tests: PROTOCOL,
  },
  {
    name: 'completed-is-left',
    file: RUN_REPORTS,
    from: "if (state.status === 'completed' || state.status === 'cancelled') {",
    to: "if (state.status === 'cancelled') {",
    tests: PROTOCOL,
  },
  {
    name: 'cancelled-is-left',
    file: RUN_REPORTS,
    from: "if (state.status === 'completed' || state.status === 'cancelled') {",
    to: "if (state.status === 'completed') {",
    tests: PROTOCOL,
  },
  {
    name: 'attempt-not-counted',
    file: EVOLVE,
    from: 'attempts: state.attempts + 1,',
    to: 'attempts: state.attempts,',
    tests: PROTOCOL,
  },
  {
    name: 'completed-past-processing',
    file: DECISION,
    from: "if (state.status === 'processing') return [completed]",
    to: 'if (completed) return [completed]',
    tests: PROTOCOL,
  },
]
