/** All metrics of the daemon; `docs/metrics.md` is made of this. No label carries an id or a text of a user. */
import { BUILD_INFO, type MetricDeclarations } from '../lib/metrics.js'

export const DAEMON_METRICS = {
  ...BUILD_INFO,
  asynctask_worker_state: {
    type: 'gauge',
    help: "1 for the state that the integration's worker is in: idle, building, running, failing, stopping or stopped.",
    labels: ['integration', 'state'],
  },
  asynctask_loop_state: {
    type: 'gauge',
    help: '1 for the state that the loop which claims is in: idle, checking, fetching, claiming, waiting, stopping or stopped.',
    labels: ['integration', 'state'],
  },
  asynctask_loop_last_round: {
    type: 'gauge',
    help: '1 for how the last round of the loop which claims ended: full, some, empty, waited, closed (by a gate), error (main did not answer) or unauthorized (main does not accept the token).',
    labels: ['integration', 'outcome'],
  },
  asynctask_gate_closed: {
    type: 'gauge',
    help: '1 for the reason for which nothing is claimed at present.',
    labels: ['integration', 'reason'],
  },
  asynctask_loop_replacements_total: {
    type: 'counter',
    help: 'Loops that died or hung, and were replaced; pull claims, reconcile checks runs.',
    labels: ['integration', 'loop'],
  },
  asynctask_starts_total: {
    type: 'counter',
    help: 'Claimed tasks, by what became of the claim: started, running (already), settled (the workflow had ended), failed (it cannot be started), released, or left (unknown, until another takes it over).',
    labels: ['integration', 'result'],
  },
  asynctask_start_duration_seconds: {
    type: 'histogram',
    help: 'From a claim until its workflow was started.',
    labels: ['integration'],
  },
  asynctask_runs_checked_total: {
    type: 'counter',
    help: 'Runs that the reconciler asked Temporal about, by what it found: running, closed (of a cancelled task), completed, failed or unknown.',
    labels: ['integration', 'finding'],
  },
  asynctask_reconciler_last_round_timestamp_seconds: {
    type: 'gauge',
    help: 'When the reconciler last finished a round.',
    labels: ['integration'],
  },
  asynctask_provider_request_duration_seconds: {
    type: 'histogram',
    help: 'Requests to the provider, by purpose (create, prepare, read) and outcome: ok, throttled (429), or what a failure left: unavailable, refused, ended, ambiguous (something may have been created and charged for).',
    labels: ['integration', 'purpose', 'outcome'],
  },
  asynctask_provider_pauses_total: {
    type: 'counter',
    help: 'How often nothing was claimed for a while, as the provider took no more.',
    labels: ['integration'],
  },
  asynctask_provider_paused_seconds: {
    type: 'gauge',
    help: 'For how much longer nothing is claimed, as the provider took no more.',
    labels: ['integration'],
  },
} as const satisfies MetricDeclarations
