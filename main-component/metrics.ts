/** All metrics of main; `docs/metrics.md` is made of this. No label carries an id or a text of a user. */
import { BUILD_INFO, type MetricDeclarations } from '../lib/metrics.js'

export const MAIN_METRICS = {
  ...BUILD_INFO,
  asynctask_tasks: {
    type: 'gauge',
    help: 'Tasks that have not ended, by status; failed are those that are tried again. Counting stops at 100000 of a kind. Every main tells the same: take the maximum.',
    labels: ['integration', 'status'],
  },
  asynctask_oldest_due_age_seconds: {
    type: 'gauge',
    help: 'For how long the oldest task that may be claimed has been due. Every main tells the same.',
    labels: ['integration'],
  },
  asynctask_unchecked_run_age_seconds: {
    type: 'gauge',
    help: "The reconciler's lag: for how long nobody has looked at the run that was looked at longest ago. Every main tells the same.",
    labels: ['integration'],
  },
  asynctask_daemons: {
    type: 'gauge',
    help: 'Daemons that main heard from within a minute, by state: running, or draining at their stop. Every main tells the same.',
    labels: ['integration', 'state'],
  },
  asynctask_daemon_asked_age_seconds: {
    type: 'gauge',
    help: 'For how long no daemon has asked for tasks; missing if none has within an hour. Every main tells the same.',
    labels: ['integration'],
  },
  asynctask_claims_total: {
    type: 'counter',
    help: 'Claims of tasks, without take-overs.',
    labels: ['integration'],
  },
  asynctask_takeovers_total: {
    type: 'counter',
    help: 'Claims whose lease was over, and that another took over.',
    labels: ['integration'],
  },
  asynctask_refusals_total: {
    type: 'counter',
    help: 'Claims and reports that the protocol refused, by reason.',
    labels: ['integration', 'reason'],
  },
  asynctask_pickup_duration_seconds: {
    type: 'histogram',
    help: 'From when a task was due until it was claimed, without take-overs.',
    labels: ['integration'],
  },
  asynctask_status_duration_seconds: {
    type: 'histogram',
    help: 'How long tasks were queued (claimed, and not yet asked of the provider) and processing, when they left that status.',
    labels: ['integration', 'status'],
  },
  asynctask_attempts_total: {
    type: 'counter',
    help: 'Attempts that ended, by outcome: completed, failed or cancelled.',
    labels: ['integration', 'outcome'],
  },
  asynctask_attempt_failures_total: {
    type: 'counter',
    help: "Attempts that failed, by the error's code; of each integration the first 50 codes, all others are other.",
    labels: ['integration', 'code'],
  },
  asynctask_ambiguous_creates_total: {
    type: 'counter',
    help: 'Attempts that failed while nobody knew whether the provider had created something, and charged for it.',
    labels: ['integration'],
  },
  asynctask_spend_today: {
    type: 'gauge',
    help: "What the provider has charged since 00:00 UTC, in the currency's units, where prices are configured. Every main tells the same.",
    labels: ['integration', 'currency'],
  },
  asynctask_spend_this_month: {
    type: 'gauge',
    help: "What the provider has charged since the month's first day, UTC. Every main tells the same.",
    labels: ['integration', 'currency'],
  },
  asynctask_ambiguous_spend_this_month: {
    type: 'gauge',
    help: 'What creates whose answers were lost may have cost besides, this month. Every main tells the same.',
    labels: ['integration', 'currency'],
  },
  asynctask_database_up: {
    type: 'gauge',
    help: 'Whether the database answered when the tasks were last counted. If it did not, what is counted there is missing.',
  },
  asynctask_database_connections: {
    type: 'gauge',
    help: "The pool's connections to PostgreSQL, by state; waiting are requests that wait for one.",
    labels: ['state'],
  },
} as const satisfies MetricDeclarations
