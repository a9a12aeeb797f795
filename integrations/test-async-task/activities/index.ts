/** Plain activities: they need no configuration, so they run in any worker. */
import { ApplicationFailure, Context, sleep } from '@temporalio/activity'

const HEARTBEAT_EVERY_MS = 1000

/** Does one small piece of work, and returns its name. */
export async function processAsyncTask(step: string): Promise<string> {
  Context.current().log.info('Processed', { step })
  return step
}

/** Works for the given time, with its progress from 0 to 1 as heartbeats. Ends at once when it is cancelled. */
export async function simulateLongRunningTask(durationMs: number): Promise<string> {
  const { heartbeat } = Context.current()
  const endsAt = Date.now() + durationMs
  for (let left = durationMs; left > 0; left = endsAt - Date.now()) {
    heartbeat(1 - left / durationMs)
    await sleep(Math.min(left, HEARTBEAT_EVERY_MS))
  }
  return `worked for ${durationMs} ms`
}

/** Fails the given number of times, then succeeds: it needs retries. */
export async function unstableTask(step: string, failures: number): Promise<string> {
  const { attempt } = Context.current().info
  if (attempt <= failures) {
    throw ApplicationFailure.retryable(`${step}: failure ${attempt} of ${failures}`, 'unstable')
  }
  return step
}
