/** What an attempt's run is called in Temporal, with and without search attributes. */
import { Client, Connection } from '@temporalio/client'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { startAttempt } from '@/async-task-component/attempt-start.js'
import { BoundedTemporal } from '@/async-task-component/bounded-temporal.js'
import { RunLabels } from '@/async-task-component/run-labels.js'
import { runSearchAttributes } from '@/async-task-component/search-attributes.js'
import { loadConfig } from '@/config/load.js'
import { eventually } from '../support/eventually.js'
import { createTemporalNamespace, silent, uniqueName } from './support.js'

const namespace = 'alpha'
const config = { workflowName: 'nobodyRunsIt', taskQueue: uniqueName('labels') }
const { signal } = new AbortController()
let connection: Connection
let client: Client
let temporal: BoundedTemporal
beforeAll(async () => {
  connection = await Connection.connect({ address: inject('temporalAddress') })
  const temporalNamespace = await createTemporalNamespace(connection)
  client = new Client({ connection, namespace: temporalNamespace })
  temporal = new BoundedTemporal(connection, { namespace: temporalNamespace, timeoutMs: 10_000 })
})
afterAll(() => connection.close())

async function started(labels: Pick<RunLabels, 'of' | 'forgetAttributes'>) {
  const workflowId = uniqueName('run')
  const input = { apiCallId: '7', taskKey: 'k7Qx2', attempt: 2, requestParams: {}, callbackUrl: '' }
  const result = await startAttempt({ temporal, config, namespace, workflowId, input, labels, signal })
  expect(result.kind).toBe('started')
  return client.workflow.getHandle(workflowId).describe()
}

async function command(...args: string[]): Promise<string[]> {
  const lines: string[] = []
  const asyncTask = { temporal: { address: inject('temporalAddress'), namespace: temporal.namespace } }
  const { components, ...rest } = loadConfig({ env: {} })
  const loaded = { ...rest, components: { ...components, asyncTask: { ...components.asyncTask, ...asyncTask } } }
  await runSearchAttributes({ loadConfig: () => loaded as never }, args, (line) => lines.push(line))
  return lines
}

it('its summary and memo name integration, task and attempt; search attributes are sent where they are registered', async () => {
  const before = await started(new RunLabels(temporal, silent))
  expect(before.memo).toEqual({ integration: 'alpha', taskId: 'k7Qx2', attempt: 2 })
  expect(await before.staticSummary()).toBe('alpha: task k7Qx2, attempt 2')
  expect(before.typedSearchAttributes.getAll()).not.toContainEqual(expect.objectContaining({ value: 'k7Qx2' }))

  expect(await command()).toContain('AsyncTaskId: missing')
  await command('--register')
  await eventually(async () => expect(await command()).toContain('AsyncTaskId: registered'))
  await eventually(async () => {
    const { typedSearchAttributes } = await started(new RunLabels(temporal, silent))
    const values = Object.fromEntries(typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value]))
    expect(values).toMatchObject({ AsyncTaskIntegration: 'alpha', AsyncTaskId: 'k7Qx2', AsyncTaskAttempt: 2 })
  })
})

it('a run that fails is not run again by Temporal: another attempt is main’s to allow', async () => {
  const { workflowId } = await started(new RunLabels(temporal, silent))
  const { events } = await client.workflow.getHandle(workflowId).fetchHistory()
  expect(events?.[0]?.workflowExecutionStartedEventAttributes).toMatchObject({ attempt: 1 })
  expect(events?.[0]?.workflowExecutionStartedEventAttributes?.retryPolicy ?? null).toBeNull()
})

it('a run is started without search attributes that Temporal refuses', async () => {
  const real = new RunLabels(temporal, silent)
  let forgotten = 0
  const { memo } = await started({
    async of(run, on) {
      const labels = await real.of(run, on)
      const key = { name: 'NobodyHasRegisteredThis', type: 'KEYWORD' as const }
      return { ...labels, typedSearchAttributes: forgotten === 0 ? [{ key, value: 'x' }] : [] }
    },
    forgetAttributes() {
      forgotten += 1
    },
  })
  expect([forgotten, memo?.taskId]).toEqual([1, 'k7Qx2'])
})
