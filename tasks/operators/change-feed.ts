/**
 * What changes in all integrations, for everybody who watches in this process. It hears at once what this process does,
 * and what other mains tell. While somebody watches, and where others may use the database, it also looks at the newest
 * events and tasks of each integration, for what nobody tells: from indexes, however many there are.
 */
import { pause } from '../../lib/abort.js'
import { noticesOf, sharesConnection } from '../database/sql.js'
import type { TaskReader } from '../task-reader.js'
import type { OperatedTasks } from './operated.js'

export interface Changed {
  integrations: string[]
  /** Public ids; not all of them if there are very many. */
  tasks: string[]
}

const MOST_TASKS = 200
const LOOK_EVERY_MS = 1000
/** A safety net where others tell what they do. */
const RARELY_MS = 5000

export class ChangeFeed {
  readonly #watches = new Set<Watch>()
  #listening: AbortController | undefined

  constructor(private readonly operated: () => OperatedTasks[]) {}

  get watchers(): number {
    return this.#watches.size
  }

  begin(): Watch {
    const watch = new Watch(() => {
      this.#watches.delete(watch)
      if (this.#watches.size > 0) return
      this.#listening?.abort()
      this.#listening = undefined
    })
    this.#watches.add(watch)
    this.#listening ??= this.#listen()
    return watch
  }

  #listen(): AbortController {
    const listening = new AbortController()
    const { signal } = listening
    for (const { namespace, store } of this.operated()) {
      const end = store.changes.listen((taskKey) => this.#tell(namespace, taskKey))
      signal.addEventListener('abort', end, { once: true })
    }
    void this.#lookAgainAndAgain(signal)
    return listening
  }

  #tell(namespace: string, taskKey: string | undefined): void {
    for (const watch of this.#watches) watch.tell(namespace, taskKey)
  }

  async #lookAgainAndAgain(signal: AbortSignal): Promise<void> {
    const shared = this.operated().filter(({ store }) => !sharesConnection(store.controller))
    const seen = new Map<string, Set<string>>()
    while (shared.length > 0 && !signal.aborted) {
      // One after another: it takes one connection at most.
      for (const { namespace, store } of shared) {
        // A database that is away is asked again.
        const newest = await readNewest(store).catch(() => null)
        if (newest === null || signal.aborted) continue
        const before = seen.get(namespace)
        for (const [place, taskKey] of newest) if (before && !before.has(place)) this.#tell(namespace, taskKey)
        seen.set(namespace, new Set(newest.keys()))
      }
      const hears = shared.every(({ store }) => noticesOf(store.controller).hears)
      await pause(hears ? RARELY_MS : LOOK_EVERY_MS, signal)
    }
  }
}

/** The newest events and tasks, each with its task's key. Of events that are committed late none is missed. */
export async function readNewest(tasks: TaskReader): Promise<Map<string, string>> {
  const { calls, events } = tasks
  const [id, taskKey, createdAt] = [calls.column('id'), calls.column('taskKey'), calls.column('createdAt')]
  const newestEvents =
    `SELECT ${events.column('id')} AS id, ${events.column('apiCallId')}::${calls.idType} AS call` +
    ` FROM ${events.table} ORDER BY ${events.column('id')} DESC LIMIT ${MOST_TASKS}`
  const sql =
    `SELECT event.id::text AS place, call.${taskKey} AS "taskKey" FROM (${newestEvents}) AS event` +
    ` JOIN ${calls.table} AS call ON call.${id} = event.call` +
    ` UNION ALL (SELECT ${taskKey}, ${taskKey} FROM ${calls.table} WHERE ${calls.column('status')} = 'pending'` +
    ` ORDER BY ${createdAt} DESC, ${taskKey} DESC LIMIT ${MOST_TASKS})`
  const rows = await tasks.read('newest', () => tasks.query<{ place: string; taskKey: string }>(sql, []))
  return new Map(rows.map((row) => [row.place, row.taskKey]))
}

/** One of those who watch: what has changed since they took it. */
class Watch {
  #integrations = new Set<string>()
  #tasks = new Set<string>()
  #wake: (() => void) | undefined

  constructor(readonly end: () => void) {}

  tell(namespace: string, taskKey: string | undefined): void {
    this.#integrations.add(namespace)
    if (taskKey !== undefined && this.#tasks.size < MOST_TASKS) this.#tasks.add(taskKey)
    this.#wake?.()
  }

  /** Resolves once something has changed, or when `signal` aborts. */
  async changed(signal: AbortSignal): Promise<void> {
    while (this.#integrations.size === 0 && !signal.aborted) {
      await pause(RARELY_MS, signal, (wake) => {
        this.#wake = wake
        return () => {
          this.#wake = undefined
        }
      })
    }
  }

  take(): Changed {
    const changed = { integrations: [...this.#integrations].sort(), tasks: [...this.#tasks] }
    this.#integrations = new Set()
    this.#tasks = new Set()
    return changed
  }
}
