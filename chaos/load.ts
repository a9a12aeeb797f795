/** Asks for the planned tasks, as an application's users do: over HTTP, of any main that answers. */
import { setTimeout as delay } from 'node:timers/promises'
import { neverSent } from '../integrations/shared/activities/provider-error.js'
import { TaskClient } from '../scripts/stack/task-client.js'
import type { PlannedTask } from './tasks.js'

export interface CreatedTask extends PlannedTask {
  /** The id that main gave it. */
  taskKey: string
}

export interface LoadOptions {
  mainUrls: readonly string[]
  tasks: readonly PlannedTask[]
  /** Finds a task whose creation got no answer. */
  find(task: PlannedTask): Promise<string | undefined>
  onCreated(task: CreatedTask): void
  signal: AbortSignal
}

/** The database was away: it is asked again. */
const NOT_ASKED = Symbol('not asked')
const RETRY_PAUSE_MS = 500
/** A request without an answer may lie before a paused main, which carries it out when it wakes up. */
const MAY_STILL_ARRIVE_MS = 20_000

/** Resolves once every task exists; those whose creation is given up by the signal are left out. */
export async function createTasks({ mainUrls, tasks, find, onCreated, signal }: LoadOptions): Promise<void> {
  const clients = mainUrls.map((url) => new TaskClient(url))
  const startedAt = Date.now()

  async function create(task: PlannedTask, index: number): Promise<void> {
    await delay(Math.max(0, startedAt + task.atMs - Date.now()), undefined, { signal })
    for (let tries = 0; ; tries++) {
      const client = clients[(index + tries) % clients.length] as TaskClient
      try {
        return onCreated({ ...task, taskKey: await client.create(task.kind, task.request, signal) })
      } catch (error) {
        signal.throwIfAborted()
        const taskKey = neverSent(error) ? undefined : await findUntilCertain(task)
        if (taskKey !== undefined) return onCreated({ ...task, taskKey })
        await delay(RETRY_PAUSE_MS, undefined, { signal })
      }
    }
  }

  /** The key of a task whose creation got no answer; undefined once it certainly was not created. */
  async function findUntilCertain(task: PlannedTask): Promise<string | undefined> {
    const certainAt = Date.now() + MAY_STILL_ARRIVE_MS
    for (;;) {
      await delay(RETRY_PAUSE_MS, undefined, { signal })
      const taskKey = await find(task).catch(() => NOT_ASKED)
      if (typeof taskKey === 'string') return taskKey
      if (taskKey === undefined && Date.now() >= certainAt) return undefined
    }
  }

  const given = await Promise.allSettled(tasks.map(create))
  const failed = given.find((outcome) => outcome.status === 'rejected')
  if (failed && !signal.aborted) throw failed.reason
}
