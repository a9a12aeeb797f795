/**
 * Four workflows that can be submitted to Temporal directly, without a main component, and the one that runs them as
 * tasks.
 */
import { proxyActivities, sleep } from '@temporalio/workflow'
import type { AttemptInput, AttemptOutcome } from '../../../protocol/attempt.js'
import { runAttempt } from '../../../provider-kit/workflow/run-attempt.js'
import type * as activities from '../activities/index.js'
import type { TestTaskRequest, TestTaskResult } from '../schemas.js'

const { processAsyncTask, unstableTask } = proxyActivities<typeof activities>({
  startToCloseTimeout: '30 seconds',
  retry: { initialInterval: '100 milliseconds', maximumInterval: '1 second' },
})
const { simulateLongRunningTask } = proxyActivities<typeof activities>({
  startToCloseTimeout: '2 hours',
  heartbeatTimeout: '10 seconds',
})

type Input = Partial<TestTaskRequest>

/** One activity. */
export async function simpleTestWorkflow(input: Input = {}): Promise<TestTaskResult> {
  return done(input, [await processAsyncTask('process')])
}

/** A durable sleep, then one activity. */
export async function delayedTestWorkflow(input: Input = {}): Promise<TestTaskResult> {
  await sleep(input.delayMs ?? 1000)
  return done(input, [await processAsyncTask('process')])
}

/** Several activities in sequence, each of which may fail a few times. */
export async function multiStepTestWorkflow(input: Input = {}): Promise<TestTaskResult> {
  const steps: string[] = []
  for (const step of input.steps ?? ['prepare', 'process', 'finish']) {
    steps.push(await unstableTask(step, input.failures ?? 0))
  }
  return done(input, steps)
}

/** One long activity that heartbeats; cancelling the workflow cancels it. */
export async function longRunningTestWorkflow(input: Input = {}): Promise<TestTaskResult> {
  return done(input, [await simulateLongRunningTask(input.durationMs ?? 2000)])
}

const workflows = {
  simple: simpleTestWorkflow,
  delayed: delayedTestWorkflow,
  multiStep: multiStepTestWorkflow,
  longRunning: longRunningTestWorkflow,
}

/** Runs one of the four as an attempt of a task. */
export async function asyncTestTaskWorkflow(
  input: AttemptInput<TestTaskRequest>,
): Promise<AttemptOutcome<TestTaskResult>> {
  return runAttempt(
    input,
    async (run) => {
      await run.reportProcessing()
      return workflows[input.requestParams.kind](input.requestParams)
    },
    { createIntent: false },
  )
}

function done({ message }: Input, steps: string[]): TestTaskResult {
  return { success: true, steps, ...(message !== undefined && { message }) }
}
