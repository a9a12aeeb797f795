/** One definition on its own: its workflow under time skipping, its activities, its simulator, and a main in memory. */
import type { TestWorkflowEnvironment } from '@temporalio/testing'
import { afterAll } from 'vitest'
import type { AnyIntegration, DefinitionParts } from './definition-parts.js'
import { DefinitionWorkers, type IntegrationBench, type TaskOptions } from './definition-workers.js'
import { createTimeSkippingEnvironment } from './environments.js'

/** Gives each test a task of its own. */
export type WithTask = (
  test: (bench: IntegrationBench) => Promise<void>,
  section?: object,
  options?: Omit<TaskOptions, 'section'>,
) => Promise<void>

/** To be called where a file or a `describe` begins; gives what runs a test. The first test starts the servers. */
export function integrationBench(definition: AnyIntegration, parts: DefinitionParts = {}): WithTask {
  let opening: Promise<[TestWorkflowEnvironment, DefinitionWorkers]> | undefined
  afterAll(async () => {
    const [env, workers] = (await opening?.catch(() => undefined)) ?? []
    await workers?.close()
    await env?.teardown()
  })
  return async (test, section, options) => {
    opening ??= open(definition, parts)
    const [, workers] = await opening
    await workers.withTask({ ...options, section }, test)
  }
}

async function open(
  definition: AnyIntegration,
  parts: DefinitionParts,
): Promise<[TestWorkflowEnvironment, DefinitionWorkers]> {
  const env = await createTimeSkippingEnvironment()
  try {
    return [env, await DefinitionWorkers.open(env, definition, parts)]
  } catch (error) {
    await env.teardown()
    throw error
  }
}
