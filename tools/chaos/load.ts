/** Creates the planned tasks like an application's users: over HTTP, at any main that answers. */
import { setTimeout as delay } from 'node:timers/promises'
import { TaskClient } from '../stack/task-client.js'
import type { PlannedTask } from './tasks.js'

export interface CreatedTask extends PlannedTask {
  /** The id from main. */
  taskKey: string
}

export interface LoadOptions {
  mainUrls: readonly string[]
  tasks: readonly PlannedTask[]
  onCreated(task: CreatedTask): void
  signal: AbortSignal
}

const RETRY_PAUSE_MS = 500

/** Resolves once every task exists; leaves out those whose creation the signal aborts. */
export async function createTasks({ mainUrls, tasks, onCreated, signal }: LoadOptions): Promise<void> {
  const clients = mainUrls.map((url) => new TaskClient(url))
  const startedAt = Date.now()

  /** Retries with the same key until any main answers: a retry makes no second task. */
  async function create(task: PlannedTask, index: number): Promise<void> {
    await delay(Math.max(0, startedAt + task.atMs - Date.now()), undefined, { signal })
    const { kind, request, marker } = task
    for (let tries = 0; ; tries++) {
      const client = clients[(index + tries) % clients.length] as TaskClient
      try {
        return onCreated({ ...task, taskKey: await client.create(kind, request, signal, marker) })
      } catch {
        signal.throwIfAborted()
        await delay(RETRY_PAUSE_MS, undefined, { signal })
      }
    }
  }

  const given = await Promise.allSettled(tasks.map(create))
  const failed = given.find((outcome) => outcome.status === 'rejected')
  if (failed && !signal.aborted) throw failed.reason
}
