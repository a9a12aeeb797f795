/** The tasks of a main that has nothing but the protocol: the real rules, in memory, by a clock that can be put forward. */
import { claimableAt, type Decision, uncheckedSince } from '../protocol/index.js'
import type { ClaimTasksAnswer, PendingTask, RunToCheck } from '../protocol/wire.js'
import { withSender } from './messages.js'
import { TaskInMemory } from './task-in-memory.js'

/** An answer over HTTP. */
export interface Acted {
  status: number
  body: unknown
}

class Task extends TaskInMemory {
  constructor(
    readonly id: string,
    readonly namespace: string,
    readonly createdAt: number,
    readonly requestParams: unknown,
    taskKey: string,
  ) {
    super(taskKey)
  }
}

export class ProtocolTasks {
  readonly #tasks = new Map<string, Task>()
  /** What was claimed under each claimId. */
  readonly #batches = new Map<unknown, Task[]>()
  #clockAhead = 0

  get tasks(): Task[] {
    return [...this.#tasks.values()]
  }

  add(namespace: string, id: string, requestParams: unknown = {}, taskKey = `key-${id}`): Task {
    const task = new Task(id, namespace, this.now() + this.#tasks.size / 1000, requestParams, taskKey)
    this.#tasks.set(id, task)
    return task
  }

  task(id: string): Task {
    const task = this.#tasks.get(id)
    if (!task) throw new Error(`There is no task ${id}`)
    return task
  }

  /** Applies a request as if somebody else had sent it. */
  apply(id: string, request: Parameters<typeof withSender>[0]): Decision['answer'] {
    return this.task(id).carryOut(withSender(request), this.now()).answer
  }

  /** Puts the clock forward: leases end, pauses are over. */
  advance(seconds: number): void {
    this.#clockAhead += seconds
  }

  hasClaimed(claimId: unknown): boolean {
    return this.#batches.has(claimId)
  }

  due(namespace: string, limit: number): PendingTask[] {
    return this.tasks
      .filter(({ state, ...task }) => task.namespace === namespace && (claimableAt(state) ?? Infinity) <= this.now())
      .slice(0, limit)
      .map(shown)
  }

  claim(namespace: string, claimId: unknown, limit: number): ClaimTasksAnswer {
    const suspects: PendingTask[] = []
    if (!this.#batches.has(claimId) && limit > 0) {
      const claimed: Task[] = []
      for (const pending of this.due(namespace, Number.POSITIVE_INFINITY)) {
        if (claimed.length === limit) break
        const fencingToken = `${claimId}.${claimed.length}`
        const answer = this.apply(pending.id, { status: 'queued', fencingToken })
        if (answer.ok) claimed.push(this.task(pending.id))
        else if (answer.reason === 'claim_alone') suspects.push(pending)
      }
      if (claimed.length > 0) this.#batches.set(claimId, claimed)
    }
    const batch = this.#batches.get(claimId) ?? []
    const left = batch.filter(({ state }) => state.fencingToken?.startsWith(`${claimId}.`) && state.status === 'queued')
    const tasks = left.map((task) => {
      const answer = this.apply(task.id, { status: 'queued', fencingToken: task.state.fencingToken ?? '' })
      if (!answer.ok || !answer.claim) throw new Error('The same claim was refused')
      return { ...shown(task), ...answer.claim }
    })
    return { tasks, claimed: this.#batches.has(claimId), suspects }
  }

  unchecked(namespace: string, forSeconds: number): RunToCheck[] {
    const since = ({ state }: Task) => uncheckedSince(state) ?? Number.POSITIVE_INFINITY
    return this.tasks
      .filter((task) => task.namespace === namespace && since(task) <= this.now() - forSeconds)
      .sort((a, b) => since(a) - since(b))
      .map(({ id, taskKey, state: { status, attempts, fencingToken, runId } }) => ({
        apiCallId: id,
        taskKey,
        status,
        attempt: attempts + 1,
        fencingToken: fencingToken ?? '',
        ...(runId !== null && { runId }),
      }))
  }

  decide({ apiCallId, ...request }: { apiCallId?: string }): Acted {
    const task = this.#tasks.get(apiCallId ?? '')
    if (!task) return { status: 404, body: { success: false, error: 'Task not found' } }
    const answer = this.apply(task.id, request as Parameters<typeof withSender>[0])
    const { status } = task.state
    if (answer.ok) return { status: 200, body: { success: true, status, ...answer.claim, ...answer.begin } }
    return { status: 409, body: { success: false, error: answer.error, reason: answer.reason, status } }
  }

  protected now(): number {
    return Date.now() / 1000 + this.#clockAhead
  }
}

function shown({ id, taskKey, createdAt, requestParams, state: { status, attempts, startedAt } }: Task): PendingTask {
  return { id, taskKey, createdAt, requestParams, status, attempts, startedAt }
}
