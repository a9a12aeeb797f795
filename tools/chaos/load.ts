/** Asks for the planned tasks, as an application's users do: over HTTP, of any main that answers. */
import { setTimeout as delay } from 'node:timers/promises'
import { TaskClient } from '../stack/task-client.js'
import type { PlannedTask } from './tasks.js'

export interface CreatedTask extends PlannedTask {
  /** The id that main gave it. */
  taskKey: string
}

export interface LoadOptions {
  mainUrls: readonly string[]
  tasks: readonly PlannedTask[]
  onCreated(task: CreatedTask): void
  signal: AbortSignal
}

const RETRY_PAUSE_MS = 500

/** Resolves once every task exists; those whose creation is given up by the signal are left out. */
export async function createTasks({ mainUrls, tasks, onCreated, signal }: LoadOptions): Promise<void> {
  const clients = mainUrls.map((url) => new TaskClient(url))
  const startedAt = Date.now()

  /** Under the same key until there is an answer, whichever main it comes from: a repetition makes no second task. */
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
