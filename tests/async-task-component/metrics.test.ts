/** The daemon's metrics: what its parts tell of becomes series that a strict reader accepts. */
import { afterEach, expect, it } from 'vitest'
import { countMetrics } from '@/async-task-component/count-metrics.js'
import type { ComponentStatus } from '@/async-task-component/health-server.js'
import { loopReplaced } from '@/async-task-component/integration-loops.js'
import { DAEMON_METRICS } from '@/async-task-component/metrics.js'
import { roundEnded, runChecked } from '@/async-task-component/reconciler.js'
import { startEnded } from '@/async-task-component/task-starter.js'
import type { ServedMetrics } from '@/lib/metrics.js'
import { createHttp } from '@/provider-kit/provider/http.js'
import { createProviderPauses } from '@/provider-kit/provider/pauses.js'
import { startFakeProvider } from '../provider-kit/fake-provider.js'
import { parseOpenMetrics, sampleOf } from '../support/openmetrics.js'

const taskQueue = 'integration-alpha-queue'
const integration = 'alpha'

let metrics: ServedMetrics | undefined
afterEach(() => metrics?.stop())

function counting(status: Partial<ComponentStatus> = {}) {
  const providerPauses = createProviderPauses()
  const served = [{ namespace: integration, config: { taskQueue } }]
  metrics = countMetrics({ status: () => ({ workers: [], loops: [], ...status }), served, providerPauses })
  return { metrics, providerPauses }
}

it('tell the state of workers, loops and gates', async () => {
  const { metrics } = counting({
    workers: [{ name: 'alpha', taskQueue, state: 'failing', error: new Error('a secret') }],
    loops: [{ namespace: integration, state: 'waiting', closedBy: 'backlog_full', lastRound: 'closed', dead: [] }],
  })
  const text = await metrics.read()
  expect(sampleOf(text, 'asynctask_worker_state', { integration, state: 'failing' })).toBe(1)
  expect(sampleOf(text, 'asynctask_worker_state', { integration, state: 'running' })).toBe(0)
  expect(sampleOf(text, 'asynctask_loop_state', { integration, state: 'waiting' })).toBe(1)
  expect(sampleOf(text, 'asynctask_loop_last_round', { integration, outcome: 'closed' })).toBe(1)
  expect(sampleOf(text, 'asynctask_gate_closed', { integration, reason: 'backlog_full' })).toBe(1)
  expect(text).not.toContain('a secret')
})

it('count starts, looks at runs, and loops that were replaced', async () => {
  const { metrics } = counting()
  startEnded.tell({ namespace: integration, did: 'started', seconds: 0.02 })
  startEnded.tell({ namespace: integration, did: 'released', seconds: 9 })
  runChecked.tell({ namespace: integration, finding: 'running' })
  roundEnded.tell({ namespace: integration })
  loopReplaced.tell({ namespace: integration, loop: 'pull' })
  const text = await metrics.read()
  const families = parseOpenMetrics(text)
  for (const name of Object.keys(DAEMON_METRICS)) expect(families.has(name.replace(/_total$/, ''))).toBe(true)
  expect(sampleOf(text, 'asynctask_starts_total', { integration, result: 'released' })).toBe(1)
  expect(sampleOf(text, 'asynctask_start_duration_seconds_bucket', { integration, le: '0.05' })).toBe(1)
  expect(sampleOf(text, 'asynctask_start_duration_seconds_count', { integration })).toBe(1)
  expect(sampleOf(text, 'asynctask_runs_checked_total', { integration, finding: 'running' })).toBe(1)
  expect(sampleOf(text, 'asynctask_reconciler_last_round_timestamp_seconds', { integration })).toBeGreaterThan(1e9)
  expect(sampleOf(text, 'asynctask_loop_replacements_total', { integration, loop: 'pull' })).toBe(1)
})

it('tell of requests to the provider, and of its pauses', async () => {
  const { metrics, providerPauses } = counting()
  const provider = await startFakeProvider({ body: {} }, { status: 429, body: {} }, 'reset')
  const { endpoint } = provider
  const http = createHttp({ integration, endpoint, purpose: 'create', signal: AbortSignal.timeout(30_000) })
  await http.post('/jobs', {})
  await expect(http.get('/jobs/1?key=secret')).rejects.toThrow()
  await expect(http.post('/jobs', {})).rejects.toThrow()
  await provider.stop()
  providerPauses.pause('integration-alpha-provider-queue', 60)
  const text = await metrics.read()
  const asked = (purpose: string, outcome: string) =>
    sampleOf(text, 'asynctask_provider_request_duration_seconds_count', { integration, purpose, outcome })
  expect([asked('create', 'ok'), asked('read', 'throttled'), asked('create', 'ambiguous')]).toEqual([1, 1, 1])
  expect(text).not.toContain('secret')
  expect(sampleOf(text, 'asynctask_provider_pauses_total', { integration })).toBe(1)
  expect(sampleOf(text, 'asynctask_provider_paused_seconds', { integration })).toBeCloseTo(60, 0)
})
