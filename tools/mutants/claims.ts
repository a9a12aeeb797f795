import type { Mutant } from './mutant.js'

const PROTOCOL = ['tests/protocol']
const PROCESSOR_REPORTS = 'protocol/processor-reports.ts'
const EVOLVE = 'protocol/evolve.ts'
const DECISION = 'protocol/rule-parts.ts'

/** Which claims win, what they get, and when the next may come. */
export const CLAIMS_RULES: Mutant[] = [
  {
    name: 'claim-leased',
    file: PROCESSOR_REPORTS,
    from: 'if (from > now) {',
    to: 'if (from > now && !takeOver) {',
    tests: PROTOCOL,
  },
  {
    name: 'claim-not-due',
    file: PROCESSOR_REPORTS,
    from: 'if (from > now) {',
    to: 'if (from > now && takeOver) {',
    tests: PROTOCOL,
  },
  {
    name: 'capacity-of-pending-only',
    file: PROCESSOR_REPORTS,
    from: 'if (context.noPlace && !takeOver)',
    to: "if (context.noPlace && state.status === 'pending')",
    tests: PROTOCOL,
  },
  {
    name: 'poisonous-though-not-alone',
    file: PROCESSOR_REPORTS,
    from: 'state.takeOvers >= policy.poisonAfterTakeOvers && state.claim?.alone',
    to: 'state.takeOvers >= policy.poisonAfterTakeOvers',
    tests: PROTOCOL,
  },
  {
    name: 'suspect-not-alone',
    file: PROCESSOR_REPORTS,
    from: 'state.takeOvers >= policy.suspectAfterTakeOvers && !alone',
    to: 'false',
    tests: PROTOCOL,
  },
  {
    name: 'take-over-forgets-run',
    file: EVOLVE,
    from: 'const runId = newAttempt ? null : state.runId',
    to: 'const runId = null',
    tests: PROTOCOL,
  },
  {
    name: 'next-attempt-keeps-run',
    file: EVOLVE,
    from: 'const runId = newAttempt ? null : state.runId',
    to: 'const runId = state.runId',
    tests: PROTOCOL,
  },
  {
    name: 'same-claim-refused',
    file: PROCESSOR_REPORTS,
    from: "const sameClaimAgain = state.status === 'queued' && request.fencingToken === state.fencingToken",
    to: 'const sameClaimAgain = false',
    tests: PROTOCOL,
  },
  {
    name: 'take-over-counted-though-begun',
    file: EVOLVE,
    from: 'event.takeOver && runId === null ? takeOvers + 1 : takeOvers',
    to: 'event.takeOver ? takeOvers + 1 : takeOvers',
    tests: PROTOCOL,
  },
  {
    name: 'begin-keeps-take-overs',
    file: EVOLVE,
    from: 'leaseExpiresAt: event.leaseExpiresAt,\n        takeOvers: 0,',
    to: 'leaseExpiresAt: event.leaseExpiresAt,',
    tests: PROTOCOL,
  },
  {
    name: 'claimed-beyond-the-limit',
    file: EVOLVE,
    from: 'state.retryable && state.attempts < state.attemptLimit ? state.dueAt',
    to: 'state.retryable ? state.dueAt',
    tests: PROTOCOL,
  },
  {
    name: 'claimed-though-failed-for-good',
    file: EVOLVE,
    from: 'state.retryable && state.attempts < state.attemptLimit ? state.dueAt',
    to: 'state.attempts < state.attemptLimit ? state.dueAt',
    tests: PROTOCOL,
  },
  {
    name: 'failed-due-at-once',
    file: DECISION,
    from: 'dueAt: now + pause,',
    to: 'dueAt: now,',
    tests: PROTOCOL,
  },
  {
    name: 'pause-of-the-provider-ignored',
    file: DECISION,
    from: 'failure.retryAfterSeconds ?? 0,',
    to: '0,',
    tests: PROTOCOL,
  },
  {
    name: 'released-due-at-once',
    file: PROCESSOR_REPORTS,
    from: 'dueAt: at + pause',
    to: 'dueAt: at',
    tests: PROTOCOL,
  },
  {
    name: 'released-though-processing',
    file: PROCESSOR_REPORTS,
    from: "if (state.status !== 'queued') return refuse(state, request.status, 'wrong_status')",
    to: '',
    tests: PROTOCOL,
  },
]
