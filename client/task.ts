/** One task, as its user sees it. */
import type { Connection } from './connection.js'
import { TaskClientError, TaskEndedError } from './errors.js'

/** One entry of the timeline. `at` is in unix seconds. */
export interface TimelineEntry {
  type: string
  attempt: number
  at: number
  error?: { code: string; message: string }
  /** What its run waits for. */
  reason?: { code: string; message: string }
}

export interface TaskView<Result> {
  taskId: string
  status: 'pending' | 'queued' | 'processing' | 'completed' | 'failed' | 'cancelled'
  attempts: number
  createdAt: number
  startedAt: number | null
  /** When its next attempt may start; null if one is under way, or if there will be none. */
  dueAt: number | null
  /** Null until the task is completed. */
  result: Result | null
  error: { code: string; message: string } | null
  /** The timeline's entries since the requested place. */
  timeline: TimelineEntry[]
}

export interface ResultOptions {
  /** Ends the wait, but not the task. */
  signal?: AbortSignal
  /** Called once with each entry of the timeline, from its beginning. */
  onProgress?: (entry: TimelineEntry) => void
}

/** The longest time that main parks a request. */
const WAIT_SECONDS = 25

export class Task<Result> {
  constructor(
    /** The id by which another process can find it again, too. */
    readonly id: string,
    private readonly path: string,
    private readonly connection: Connection,
  ) {}

  /** Its current state, with the first page of its timeline. */
  async get(signal?: AbortSignal): Promise<TaskView<Result>> {
    return viewOf<Result>(await this.connection.ask('GET', this.path, { signal }))
  }

  /**
   * Waits until it has ended, however long that takes and however often main cannot be reached.
   * @throws TaskEndedError if it ends without a result; RefusedError if main does not show it
   */
  async result({ signal, onProgress }: ResultOptions = {}): Promise<Result> {
    for (let seen = 0; ; ) {
      const query = `timelineAfter=${seen}&waitSeconds=${WAIT_SECONDS}`
      const waiting = { signal, waitSeconds: WAIT_SECONDS, retryForMs: Number.POSITIVE_INFINITY }
      const view = viewOf<Result>(await this.connection.ask('GET', `${this.path}?${query}`, waiting))
      for (const entry of view.timeline) onProgress?.(entry)
      seen += view.timeline.length
      if (view.status === 'completed') return view.result as Result
      const isOver = view.status === 'cancelled' || (view.status === 'failed' && view.dueAt === null)
      if (isOver) throw new TaskEndedError(this.id, view.status as 'failed' | 'cancelled', view.error)
    }
  }

  /**
   * Cancels it, if it has not ended.
   * @throws RefusedError 409 if it has
   */
  async cancel(signal?: AbortSignal): Promise<void> {
    await this.connection.ask('POST', `${this.path}/cancel`, { body: {}, signal })
  }
}

/** @throws TaskClientError if this is not main's answer */
function viewOf<Result>(answer: Record<string, unknown>): TaskView<Result> {
  if (typeof answer.taskId === 'string' && typeof answer.status === 'string' && Array.isArray(answer.timeline)) {
    return answer as unknown as TaskView<Result>
  }
  throw new TaskClientError('UNREADABLE', 'The answer is not a task: is baseUrl right?', false)
}
