import { initialTaskState, type RunReport, type TaskState } from '../protocol/index.js'
import { ProtocolMain } from './protocol-main.js'
import type { TaskInMemory } from './task-in-memory.js'

const TASK_ID = '42'
const TASK_KEY = 'k7Qx2'

/** A main with one task, claimed for attempt 1, that keeps what it was told. */
export class RecordingMain {
  /** Every report, in order. */
  readonly reports: Array<RunReport & { apiCallId: string }> = []
  /** Statuses to answer the next reports with, whatever they say. */
  failWith: number[] = []
  /** Called with each report before it is decided on, which waits for what this returns. */
  onReport: (report: RunReport) => unknown = () => undefined
  #task: TaskInMemory

  private constructor(private readonly protocol: ProtocolMain) {
    this.#task = this.take(TASK_ID, TASK_KEY)
    protocol.fault = () => this.failWith.shift()
    protocol.onReport = (body) => {
      const report = body as RecordingMain['reports'][number]
      this.reports.push(report)
      return this.onReport(report)
    }
  }

  static async start(): Promise<RecordingMain> {
    return new RecordingMain(await ProtocolMain.start())
  }

  get url(): string {
    return this.protocol.url
  }

  /** What its callers have to send. */
  get token(): string {
    return this.protocol.token
  }

  set token(token: string) {
    this.protocol.token = token
  }

  stop(): Promise<void> {
    return this.protocol.stop()
  }

  /** Another task in place of its own. */
  take(id: string, taskKey: string): TaskInMemory {
    this.#task = this.protocol.add('bench', id, {}, taskKey)
    this.protocol.apply(id, { status: 'queued' })
    return this.#task
  }

  /** How a run is started for its task. */
  get task(): { apiCallId: string; taskKey: string } {
    return { apiCallId: TASK_ID, taskKey: TASK_KEY }
  }

  /** The task's row. */
  get state(): TaskState {
    return this.#task.state
  }

  set state(state: TaskState) {
    this.#task.state = state
  }
}

/** The row of a task whose earlier attempt left this behind, claimed again for the next one. */
export function nextAttempt(
  { providerTask, openIntents }: Pick<TaskState, 'providerTask' | 'openIntents'>,
  attempts = 1,
): TaskState {
  const outcomes = Object.fromEntries(Array.from({ length: attempts }, (_, i) => [i + 1, 'failed' as const]))
  const claimed = { status: 'queued' as const, attempts, outcomes }
  const left = { providerTask, openIntents }
  return { ...initialTaskState(5), ...claimed, ...left, fencingToken: 'token-earlier', leaseExpiresAt: 1 }
}
