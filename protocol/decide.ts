/**
 * The task protocol: whether a request is allowed on a row, which events it creates, and the answer.
 *
 * `n` is the attempt in the request, `current` is `attempts + 1`. A run is checked by attempt and runId, never by
 * token: its claim may have been taken over while it is alive. Everyone else is checked by attempt and token, because
 * they decided on the row as it was then. Both name the row by its taskKey too: after a wipe or a restore its id may
 * belong to another task, which they must not change.
 *
 * docs/architecture.md has a table of the rules.
 *
 * A create intent is open from `begun` until `processing` names the provider's task, or until the attempt has ended in
 * success or with nothing left at the provider. `processing` without a task means that the provider is being asked: its
 * answer can still be lost. `waiting` and `resumed` change no status.
 *
 * "Live" is queued or processing. Pure: no clock, no randomness, no I/O; the context provides what varies.
 */
import type { TaskRequest } from './messages.js'
import { decideOperatorRequest } from './operator-requests.js'
import { decideProcessorReport } from './processor-reports.js'
import { type DecisionContext, refuse } from './rule-parts.js'
import { decideRunReport } from './run-reports.js'
import type { Decision, TaskState } from './types.js'

/** Decides one request against one row. The caller holds the row's lock, and carries out the decision. */
export function decide(state: TaskState, request: TaskRequest, context: DecisionContext): Decision {
  if (request.from === 'operator') return decideOperatorRequest(state, request, context)
  if (request.taskKey !== undefined && request.taskKey !== context.taskKey) {
    return refuse(state, request.status, 'other_task', "this id is now another task's")
  }
  return request.from === 'run'
    ? decideRunReport(state, request, context)
    : decideProcessorReport(state, request, context)
}
