import { describe, expect, it } from 'vitest'
import { createApplicationIntegrations } from '@/application/integrations.js'
import { application } from '@/application.js'
import { loadConfig } from '@/config/load.js'
import { config } from '@/config.js'
import { sources } from '@/integrations/entries/sources.js'
import { makeIntegrations } from './support.js'

const main = config.components.main.url

const expected = [
  [
    'fangzhouVideoGeneration',
    'integration-fangzhouvideogeneration-queue',
    'videoPollingWorkflow',
    'reportFangzhouVideoResult',
  ],
  [
    'nanobanana2ImageGeneration',
    'integration-nanobanana2imagegeneration-queue',
    'imageGenerationWorkflow',
    'reportNanobanana2Result',
  ],
  ['testAsyncTask', 'integration-test-async-task-queue', 'asyncTestTaskWorkflow', 'reportTestAsyncTaskResult'],
] as const

describe.each(expected)('%s', (namespace, taskQueue, workflowName, reportName) => {
  const integration = makeIntegrations()
    .getIntegrations()
    .find((entry) => entry.namespace === namespace)?.integration
  const pull = integration?.getPullModeConfig?.()

  it('names its queue, its workflow and the APIs of main', () => {
    expect(pull).toMatchObject({
      enabled: true,
      taskQueue,
      workflowName,
      internalAPIs: {
        fetchPendingTasks: `${main}/api/${namespace}/fetchPendingTasks`,
        claimTasks: `${main}/api/${namespace}/claimTasks`,
        reportTaskEvent: `${main}/api/${namespace}/${reportName}`,
        runsToCheck: `${main}/api/${namespace}/runsToCheck`,
      },
    })
  })

  it('serves the APIs that it names', () => {
    const served = integration?.createAPIs?.().filter((api) => api.internal)
    expect(served?.map(({ name, method = 'POST' }) => `${method} ${name}`)).toEqual([
      'GET fetchPendingTasks',
      'POST fetchPendingTasks',
      'POST claimTasks',
      `POST ${reportName}`,
      'GET runsToCheck',
      'POST cancelTask',
      'POST retryTask',
      'POST letThrough',
      'POST pause',
      'POST resume',
      'POST setLimits',
      'GET integrationState',
      'GET operatorActs',
    ])
  })

  it('builds the workflow id and parameters of a task', () => {
    const requestParams = { prompt: 'a cat' }
    const task = {
      id: 'task-123',
      taskKey: 'k',
      status: 'pending',
      attempts: 0,
      startedAt: null,
      createdAt: 1,
      requestParams,
    }
    expect(pull?.buildWorkflowId({ id: 'task-123' })).toBe('task-123')
    expect(pull?.buildWorkflowParams(task)).toEqual({
      apiCallId: 'task-123',
      requestParams,
      callbackUrl: `${main}/api/${namespace}/${reportName}`,
    })
  })
})

it('is null where an integration is disabled', () => {
  const configuration = loadConfig({ component: 'main' })
  configuration.integrations.testAsyncTask.enabled = false
  const Integrations = createApplicationIntegrations(application, sources, configuration)
  const parts = new Integrations({
    entities: [],
    relations: [],
    activities: [],
    interactions: [],
    dict: [],
  }).getIntegrations()
  const enabled = Object.fromEntries(
    parts.map(({ namespace, integration }) => [namespace, integration.getPullModeConfig?.() !== null]),
  )
  expect(enabled).toMatchObject({
    fangzhouVideoGeneration: true,
    nanobanana2ImageGeneration: true,
    testAsyncTask: false,
  })
})

it('says how long requests to a provider may take, and not those to a simulator, which cost nothing', () => {
  const longest = (env: NodeJS.ProcessEnv) => {
    const Integrations = createApplicationIntegrations(application, sources, loadConfig({ env }))
    const parts = new Integrations({ entities: [], relations: [], activities: [], interactions: [], dict: [] })
    return parts
      .getIntegrations()
      .map(({ integration }) => integration.getPullModeConfig?.()?.requestTimeoutMs)
      .filter((timeoutMs) => timeoutMs !== undefined)
  }
  const key = { IMAGE_API_KEY: 'image-key', IMAGE_BASE_URL: 'https://images.example/v1', IMAGE_MODEL: 'image-model' }
  expect(longest({ ...key, IMAGE_REQUEST_TIMEOUT_MS: '90000' })).toEqual([90_000])
  expect(longest({})).toEqual([])
})
