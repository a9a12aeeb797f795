/** All metrics of main; `docs/metrics.md` is made of this. No label carries an id or a text of a user. */
import { BUILD_INFO, counter, gauge, histogram } from '../lib/metrics.js'

export const MAIN_METRICS = {
  ...BUILD_INFO,
  asynctask_tasks: gauge(
    ['integration', 'status'],
    'Tasks that have not ended, by status; failed are those that are tried again. Counting stops at 100000 of a kind. Every main tells the same: take the maximum.',
  ),
  asynctask_oldest_due_age_seconds: gauge(
    ['integration'],
    'For how long the oldest task that may be claimed has been due. Every main tells the same.',
  ),
  asynctask_unchecked_run_age_seconds: gauge(
    ['integration'],
    "The reconciler's lag: for how long nobody has looked at the run that was looked at longest ago. Every main tells the same.",
  ),
  asynctask_daemons: gauge(
    ['integration', 'state'],
    'Daemons by state: running, draining at their stop, or silent (main has heard nothing of them for a minute, within an hour: they hang, or were killed). Every main tells the same.',
  ),
  asynctask_daemon_asked_age_seconds: gauge(
    ['integration'],
    'For how long no daemon has asked for tasks; missing if none has within an hour. Every main tells the same.',
  ),
  asynctask_claims_total: counter(['integration'], 'Claims of tasks, without take-overs.'),
  asynctask_takeovers_total: counter(['integration'], 'Claims whose lease was over, and that another took over.'),
  asynctask_refusals_total: counter(
    ['integration', 'reason'],
    'Claims and reports that the protocol refused, by reason.',
  ),
  asynctask_pickup_duration_seconds: histogram(
    ['integration'],
    'From when a task was due until it was claimed, without take-overs.',
  ),
  asynctask_status_duration_seconds: histogram(
    ['integration', 'status'],
    'How long tasks were queued (claimed, and not yet asked of the provider) and processing, when they left that status.',
  ),
  asynctask_attempts_total: counter(
    ['integration', 'outcome'],
    'Attempts that ended, by outcome: completed, failed or cancelled.',
  ),
  asynctask_attempt_failures_total: counter(
    ['integration', 'code'],
    "Attempts that failed, by the error's code; of each integration the first 50 codes, all others are other.",
  ),
  asynctask_ambiguous_creates_total: counter(
    ['integration'],
    'Attempts that failed while nobody knew whether the provider had created something, and charged for it.',
  ),
  asynctask_spend_today: gauge(
    ['integration', 'currency'],
    "What the provider has charged since 00:00 UTC, in the currency's units, where prices are configured. Every main tells the same.",
  ),
  asynctask_spend_this_month: gauge(
    ['integration', 'currency'],
    "What the provider has charged since the month's first day, UTC. Every main tells the same.",
  ),
  asynctask_ambiguous_spend_this_month: gauge(
    ['integration', 'currency'],
    'What creates whose answers were lost may have cost besides, this month. Every main tells the same.',
  ),
  asynctask_database_up: gauge(
    [],
    'Whether the database answered when the tasks were last counted. If it did not, what is counted there is missing.',
  ),
  asynctask_database_connections: gauge(
    ['state'],
    "The pool's connections to PostgreSQL, by state; waiting are requests that wait for one.",
  ),
}
