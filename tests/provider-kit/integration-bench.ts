/** One definition on its own: its workflow under time skipping, its activities, its simulator, and a main in memory. */
import { existsSync } from 'node:fs'
import type { TestWorkflowEnvironment } from '@temporalio/testing'
import { afterAll, beforeAll } from 'vitest'
import type { AttemptOutcome } from '@/protocol/attempt.js'
import type { Activities, ActivityContext } from '@/provider-kit/activity-context.js'
import type { Integration } from '@/provider-kit/definition/define.js'
import type { Simulator, SimulatorOptions } from '@/simulator/simulator.js'
import { createTimeSkippingEnvironment, type WorkflowBench, withWorkflowBench } from './workflow-bench.js'

export interface IntegrationBench extends Pick<WorkflowBench, 'main' | 'artifactsDir' | 'activitiesOf'> {
  /** Where a simulator was given. */
  provider: Simulator
  /** How many requests the provider has accepted, and charges for. */
  paid(): number
  /** Runs an attempt of a task to its end. */
  run(request: object, attempt?: number): Promise<AttemptOutcome<unknown>>
  start(request: object): ReturnType<WorkflowBench['start']>
}

export interface IntegrationBenchOptions {
  createSimulator?: (options: SimulatorOptions) => Simulator
  /** Options of its section of the configuration. */
  section?: object
  /** Default: the integration's own, or the shared ones of its shape. */
  workflowsPath?: string
}

const SHARED = new URL('../../provider-kit/workflow/shared-workflows.ts', import.meta.url).pathname

// biome-ignore lint/suspicious/noExplicitAny: of whatever types.
type AnyIntegration = Integration<any, any, any, Activities>

/** To be called where a file or a `describe` begins; gives what runs a test. */
export function integrationBench(definition: AnyIntegration, defaults: IntegrationBenchOptions = {}) {
  let env: TestWorkflowEnvironment
  beforeAll(async () => {
    env = await createTimeSkippingEnvironment()
  })
  afterAll(() => env.teardown())
  return (test: (bench: IntegrationBench) => Promise<void>, section: object = {}): Promise<void> =>
    withIntegration(env, definition, { ...defaults, section: { ...defaults.section, ...section } }, test)
}

export async function withIntegration(
  env: TestWorkflowEnvironment,
  definition: AnyIntegration,
  { createSimulator, section = {}, workflowsPath }: IntegrationBenchOptions,
  test: (bench: IntegrationBench) => Promise<void>,
): Promise<void> {
  const { name, namespace, shape } = definition
  const provider = createSimulator?.({ latencyMs: 0, slowBodyMs: 50 })
  const simulatorUrl = (await provider?.start())?.url
  const config = definition.config.parse({ ...(simulatorUrl !== undefined && { simulatorUrl }), ...section })
  const createActivities = (context: ActivityContext) =>
    definition.createActivities({ ...context, integrations: { [namespace]: config } })
  const own = new URL(`../../integrations/${name}/workflows/index.ts`, import.meta.url).pathname
  const isShared = shape !== 'custom' && workflowsPath === undefined
  const path = workflowsPath ?? (isShared ? SHARED : own)
  const workflow = isShared ? `${shape}Workflow` : definition.workflowName
  const activities = isShared || !existsSync(own) ? {} : await import(own.replace('/workflows/', '/activities/'))
  try {
    await withWorkflowBench(env, { folder: name, workflowsPath: path, createActivities, activities }, (bench) =>
      test({
        ...bench,
        provider: provider as Simulator,
        paid: () => provider?.requests.filter(({ created }) => created).length ?? 0,
        run: (request, attempt) => bench.run(workflow, request, attempt),
        start: (request) => bench.start(workflow, request),
      }),
    )
  } finally {
    await provider?.stop()
  }
}
