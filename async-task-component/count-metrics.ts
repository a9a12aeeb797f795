/** Turns what the daemon tells of, and the state of its parts, into the metrics of `metrics.ts`. */
import { buildInfo, createMetrics, type ServedMetrics, setState } from '../lib/metrics.js'
import { providerTaskQueue } from '../protocol/names.js'
import { providerAsked } from '../provider-kit/provider/http.js'
import { type ProviderPauses, providerPaused } from '../provider-kit/provider/pauses.js'
import { ROUND_OUTCOMES } from './adaptive-interval.js'
import { GATE_REASONS } from './gates.js'
import type { ComponentStatus } from './health-server.js'
import { loopReplaced, type ServedIntegration } from './integration-loops.js'
import { WORKER_STATES } from './integration-worker.js'
import { DAEMON_METRICS } from './metrics.js'
import { PULL_LOOP_MOVES } from './pull-loop-states.js'
import { roundEnded, runChecked } from './reconciler.js'
import { startEnded } from './task-starter.js'

export interface CountMetricsOptions {
  status(): ComponentStatus
  served: ReadonlyArray<{ namespace: string; config: Pick<ServedIntegration['config'], 'taskQueue'> }>
  providerPauses: Pick<ProviderPauses, 'pausedSeconds'>
}

export function countMetrics({ status, served, providerPauses }: CountMetricsOptions): ServedMetrics {
  const metrics = createMetrics(DAEMON_METRICS)
  const of = metrics.of
  of.asynctask_build_info.set(buildInfo('async-task'), 1)
  // A worker without pull mode has only its folder's name.
  const named = new Map(served.map(({ namespace, config }) => [config.taskQueue, namespace]))
  const asked = new Map(served.map(({ namespace, config }) => [providerTaskQueue(config.taskQueue), namespace]))

  metrics.beforeRead(() => {
    const { workers, loops } = status()
    for (const { name, taskQueue, state } of workers) {
      const integration = named.get(taskQueue) ?? name
      setState(of.asynctask_worker_state, 'state', WORKER_STATES, state, { integration })
    }
    for (const { namespace: integration, state, closedBy, lastRound } of loops) {
      setState(of.asynctask_loop_state, 'state', Object.keys(PULL_LOOP_MOVES), state, { integration })
      setState(of.asynctask_loop_last_round, 'outcome', ROUND_OUTCOMES, lastRound, { integration })
      setState(of.asynctask_gate_closed, 'reason', GATE_REASONS, closedBy, { integration })
    }
    for (const [taskQueue, integration] of named) {
      of.asynctask_provider_paused_seconds.set({ integration }, providerPauses.pausedSeconds(taskQueue))
    }
  })

  return metrics.serve([
    loopReplaced.listen(({ namespace: integration, loop }) => {
      of.asynctask_loop_replacements_total.inc({ integration, loop })
    }),
    startEnded.listen(({ namespace: integration, did: result, seconds }) => {
      of.asynctask_starts_total.inc({ integration, result })
      if (result === 'started') of.asynctask_start_duration_seconds.observe({ integration }, seconds)
    }),
    runChecked.listen(({ namespace: integration, finding }) => {
      of.asynctask_runs_checked_total.inc({ integration, finding })
    }),
    roundEnded.listen(({ namespace: integration }) => {
      of.asynctask_reconciler_last_round_timestamp_seconds.setToCurrentTime({ integration })
    }),
    providerAsked.listen(({ integration, purpose, outcome, seconds }) => {
      of.asynctask_provider_request_duration_seconds.observe({ integration, purpose, outcome }, seconds)
    }),
    providerPaused.listen(({ queue }) => {
      of.asynctask_provider_pauses_total.inc({ integration: asked.get(queue) ?? 'other' })
    }),
  ])
}
