/** A steady flow of new tasks that continues whatever happens to main. */
import { setTimeout as delay } from 'node:timers/promises'
import { TaskClient } from '../../stack/task-client.js'
import { type PlannedTask, planTasks } from '../tasks.js'

export interface FlowOptions {
  mainUrl: string
  seed: number
  perSecond: number
}

const RETRY_PAUSE_MS = 250
/** More than a run creates. */
const MOST_TASKS = 100_000

export class Flow {
  /** The acknowledged tasks. */
  readonly created: PlannedTask[] = []
  /** Creations that were retried, and the longest time until one was acknowledged. */
  repeated = 0
  longestMs = 0
  readonly #client: TaskClient
  readonly #underWay = new Set<Promise<void>>()
  readonly #over = new AbortController()
  readonly #flowing: Promise<void>

  constructor({ mainUrl, seed, perSecond }: FlowOptions) {
    this.#client = new TaskClient(mainUrl)
    this.#flowing = this.#flow(planTasks(seed, MOST_TASKS, (MOST_TASKS / perSecond) * 1000))
  }

  /** Stops creating, and resolves once every creation was acknowledged. */
  async end(): Promise<void> {
    this.#over.abort()
    await this.#flowing
    await Promise.all(this.#underWay)
  }

  async #flow(plan: PlannedTask[]): Promise<void> {
    const { signal } = this.#over
    const startedAt = Date.now()
    for (const task of plan) {
      await delay(Math.max(0, startedAt + task.atMs - Date.now()), undefined, { signal }).catch(() => {})
      if (signal.aborted) return
      const creating = this.#create(task)
      this.#underWay.add(creating)
      void creating.finally(() => this.#underWay.delete(creating))
    }
  }

  /** Retries until it is acknowledged, with the same key. Main may be down for as long as an upgrade takes. */
  async #create(task: PlannedTask): Promise<void> {
    const askedAt = Date.now()
    for (;;) {
      try {
        await this.#client.create(task.kind, task.request, undefined, task.marker)
        break
      } catch {
        this.repeated += 1
        await delay(RETRY_PAUSE_MS)
      }
    }
    this.created.push(task)
    this.longestMs = Math.max(this.longestMs, Date.now() - askedAt)
  }
}
