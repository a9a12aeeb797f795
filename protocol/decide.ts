/**
 * The task protocol: may this request happen to this row, what events does it create, what is answered.
 *
 * `n` is the attempt in the request, `current` is `attempts + 1`. A run is checked by attempt and runId,
 * never by token: its claim may have been taken over while it lives on. Everyone else is checked by
 * attempt and token: whatever they concluded was concluded about the row as it was then. Either names the
 * row by its taskKey too: after a wipe or a restore its id may be another task's, which they must not move.
 *
 * The rules, one by one, are a table of docs/architecture.md.
 *
 * Create intents are open from `begun` on until `processing` names the provider's task, or the attempt has ended in
 * success, or with nothing left at the provider. `processing` without a task says that the provider is asked: its
 * answer can still be lost. `waiting` and `resumed` move nothing.
 *
 * "Live" is queued or processing. Pure: no clock, no chance, no I/O; what varies comes in the context.
 */
import type { TaskRequest } from './messages.js'
import { decideOperatorRequest } from './operator-requests.js'
import { decideProcessorReport } from './processor-reports.js'
import { type DecisionContext, refuse } from './rule-parts.js'
import { decideRunReport } from './run-reports.js'
import type { Decision, TaskState } from './types.js'

/** Decides one request against one row. The caller holds the row's lock, and carries out what is decided. */
export function decide(state: TaskState, request: TaskRequest, context: DecisionContext): Decision {
  if (request.from === 'operator') return decideOperatorRequest(state, request, context)
  if (request.taskKey !== undefined && request.taskKey !== context.taskKey) {
    return refuse(state, request.status, 'other_task', "this id is now another task's")
  }
  return request.from === 'run'
    ? decideRunReport(state, request, context)
    : decideProcessorReport(state, request, context)
}
