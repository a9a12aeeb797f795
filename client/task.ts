/** One task, as its user sees it. */
import type { Connection } from './connection.js'
import { TaskClientError, TaskEndedError } from './errors.js'

/** One thing that happened to a task. `at` is in unix seconds. */
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
  /** When its next attempt may start; null while one is under way, and where there will be none. */
  dueAt: number | null
  /** Null until the task is completed. */
  result: Result | null
  error: { code: string; message: string } | null
  /** What has happened since the place that was asked for. */
  timeline: TimelineEntry[]
}

export interface ResultOptions {
  /** Ends the wait, and leaves the task as it is. */
  signal?: AbortSignal
  /** Is told each thing that happens to the task, from its beginning, once. */
  onProgress?: (entry: TimelineEntry) => void
}

/** As long as main parks a request at most. */
const WAIT_SECONDS = 25

export class Task<Result> {
  constructor(
    /** The id by which it can be found again, in another process too. */
    readonly id: string,
    private readonly path: string,
    private readonly connection: Connection,
  ) {}

  /** How it is now, with the first page of its timeline. */
  async get(signal?: AbortSignal): Promise<TaskView<Result>> {
    return viewOf<Result>(await this.connection.ask('GET', this.path, { signal }))
  }

  /**
   * Waits until it has ended, however long that takes and however often main cannot be reached.
   * @throws TaskEndedError where it ends without a result; RefusedError where main does not show it
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
   * Ends it, if it has not ended.
   * @throws RefusedError 409 where it has
   */
  async cancel(signal?: AbortSignal): Promise<void> {
    await this.connection.ask('POST', `${this.path}/cancel`, { body: {}, signal })
  }
}

/** @throws TaskClientError where this is no answer of main's */
function viewOf<Result>(answer: Record<string, unknown>): TaskView<Result> {
  if (typeof answer.taskId === 'string' && typeof answer.status === 'string' && Array.isArray(answer.timeline)) {
    return answer as unknown as TaskView<Result>
  }
  throw new TaskClientError('UNREADABLE', 'The answer is no task of main’s: is baseUrl right?', false)
}
