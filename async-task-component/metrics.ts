/** All metrics of the daemon; `docs/metrics.md` is made of this. No label carries an id or a text of a user. */
import { BUILD_INFO, counter, gauge, histogram } from '../lib/metrics.js'

export const DAEMON_METRICS = {
  ...BUILD_INFO,
  asynctask_worker_state: gauge(
    ['integration', 'state'],
    "1 for the state that the integration's worker is in: idle, building, running, failing, stopping or stopped.",
  ),
  asynctask_loop_state: gauge(
    ['integration', 'state'],
    '1 for the state that the loop which claims is in: idle, checking, fetching, claiming, waiting, stopping or stopped.',
  ),
  asynctask_loop_last_round: gauge(
    ['integration', 'outcome'],
    '1 for how the last round of the loop which claims ended: full, some, empty, waited, closed (by a gate), error (main did not answer) or unauthorized (main does not accept the token).',
  ),
  asynctask_gate_closed: gauge(['integration', 'reason'], '1 for the reason for which nothing is claimed at present.'),
  asynctask_loop_replacements_total: counter(
    ['integration', 'loop'],
    'Loops that died or hung, and were replaced; pull claims, reconcile checks runs.',
  ),
  asynctask_starts_total: counter(
    ['integration', 'result'],
    'Claimed tasks, by what became of the claim: started, running (already), settled (the workflow had ended), failed (it cannot be started), released, or left (unknown, until another takes it over).',
  ),
  asynctask_start_duration_seconds: histogram(['integration'], 'From a claim until its workflow was started.'),
  asynctask_runs_checked_total: counter(
    ['integration', 'finding'],
    'Runs that the reconciler asked Temporal about, by what it found: running, closed (of a cancelled task), completed, failed or unknown.',
  ),
  asynctask_reconciler_last_round_timestamp_seconds: gauge(
    ['integration'],
    'When the reconciler last finished a round.',
  ),
  asynctask_provider_request_duration_seconds: histogram(
    ['integration', 'purpose', 'outcome'],
    'Requests to the provider, by purpose (create, prepare, read) and outcome: ok, throttled (429), or what a failure left: unavailable, refused, ended, ambiguous (something may have been created and charged for).',
  ),
  asynctask_provider_pauses_total: counter(
    ['integration'],
    'How often nothing was claimed for a while, as the provider took no more.',
  ),
  asynctask_provider_paused_seconds: gauge(
    ['integration'],
    'For how much longer nothing is claimed, as the provider took no more.',
  ),
}
