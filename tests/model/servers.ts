/** Main, Temporal and the provider, as pure state machines. Main is the protocol module itself. */
import type { WorkflowStartOptions } from '@temporalio/client'
import { ATTEMPT_ID_POLICIES } from '@/async-task-component/attempt-start.js'
import type { AttemptOutcome } from '@/protocol/attempt.js'
import {
  type ClaimAnswer,
  claimableAt,
  DEFAULT_TASK_POLICY,
  type Decision,
  type Prices,
  type TaskEvent,
  type TaskPolicy,
  type TaskRequest,
  type TaskState,
} from '@/protocol/index.js'
import { TaskInMemory } from '@/testing/task-in-memory.js'
import type { Handled } from './invariants.js'

/** Rules that a test takes away, to see that the model notices. */
export type Broken =
  | 'no fencing'
  | 'reuse policy left at its default'
  | 'read-then-write claim'
  | 'no begin'
  | 'processing closes every intent'
  | 'no reconciler'
  | 'no adopt'
  | 'attempts reset on retry'
  | 'no margin'
  | 'claim ids forgotten'
  | 'unavailable is not found'

/** What the provider charges: for each attempt another amount. */
export const MODEL_PRICES: Prices = { currency: 'USD', create: 1000, units: { tokens: { price: 10, per: 3 } } }
export const MODEL_POLICY: TaskPolicy = { ...DEFAULT_TASK_POLICY, prices: MODEL_PRICES }

type WorkflowIdPolicies = Partial<Pick<WorkflowStartOptions, 'workflowIdReusePolicy'>>

export type MainAnswer = Decision['answer']

/** What a claimId is answered: the claim that there is under it, whether it has claimed, whether the task is a suspect. */
export interface BatchAnswer {
  claim: ClaimAnswer | null
  claimed: boolean
  suspect: boolean
}

type Happening =
  | { kind: 'request'; request: TaskRequest; answer: MainAnswer }
  | { kind: 'claim'; claimId: string; limit: number; answer: BatchAnswer }
  | { kind: 'backup' | 'restore' }

/** What happened to main: when by its clock, and what the row and its events were afterwards. */
export type Step = Happening & { now: number; state: TaskState; events: readonly TaskEvent[] }

export class Main extends TaskInMemory {
  readonly history: Step[] = []
  onHandled: (handled: Handled) => void = () => {}
  restores = 0
  #backup = { state: this.state, events: this.events }

  constructor(
    private readonly now: () => number,
    private readonly broken: ReadonlySet<Broken>,
  ) {
    super('the-task', MODEL_POLICY)
  }

  /** @param asRead the row that the check reads; another one than the locked row only where that rule is broken */
  handle(asked: TaskRequest, asRead = this.state): MainAnswer {
    const before = this.state
    const request = this.#weaken(asked)
    const { events, answer } =
      this.broken.has('no adopt') && request.from === 'run' && before.status === 'pending'
        ? { events: [], answer: { ok: false as const, reason: 'wrong_status' as const, error: 'no adopt' } }
        : this.carryOut(request, this.now(), 0.5, asRead)
    if (this.broken.has('attempts reset on retry') && request.status === 'retry') {
      this.state = { ...this.state, attempts: 0, attemptLimit: DEFAULT_TASK_POLICY.maxAttempts, outcomes: {} }
    }
    if (this.broken.has('processing closes every intent') && request.status === 'processing') {
      this.state = { ...this.state, openIntents: [] }
    }
    this.#remember({ kind: 'request', request: asked, answer })
    this.onHandled({ request: asked, events, answer, before })
    return answer
  }

  /** @param limit 1, or 0 to claim nothing */
  claimTasks(claimId: string, limit = 1): BatchAnswer {
    const answer = this.#claimTasks(claimId, limit)
    this.#remember({ kind: 'claim', claimId, limit, answer })
    return answer
  }

  #claimTasks(claimId: string, limit: number): BatchAnswer {
    const before = this.state
    const request = { from: 'processor', status: 'queued', fencingToken: `${claimId}.0` } as const
    const claimed = this.events.some((event) => event.type === 'queued' && event.claimId === claimId)
    if (claimed && !this.broken.has('claim ids forgotten')) {
      const isLeft = before.status === 'queued' && before.fencingToken === request.fencingToken
      const answer = isLeft ? this.carryOut(request, this.now()).answer : undefined
      return { claim: (answer?.ok && answer.claim) || null, claimed, suspect: false }
    }
    const due = claimableAt(before)
    if (limit === 0 || due === null || due > this.now()) return { claim: null, claimed: false, suspect: false }
    if (before.status === 'queued' && before.takeOvers >= DEFAULT_TASK_POLICY.suspectAfterTakeOvers) {
      return { claim: null, claimed: false, suspect: true }
    }
    const { events, answer } = this.carryOut(request, this.now(), 0.5, before, { claimId })
    this.onHandled({ request, events, answer, before })
    return { claim: (answer.ok && answer.claim) || null, claimed: answer.ok, suspect: false }
  }

  #weaken(request: TaskRequest): TaskRequest {
    if (!this.broken.has('no fencing') || !('attempt' in request) || !('fencingToken' in request)) return request
    return { ...request, fencingToken: this.state.fencingToken ?? '' }
  }

  backUp(): void {
    this.#backup = { state: this.state, events: this.events }
    this.#remember({ kind: 'backup' })
  }

  restore(): void {
    Object.assign(this, this.#backup)
    this.restores += 1
    this.#remember({ kind: 'restore' })
  }

  #remember(happening: Happening): void {
    this.history.push({ ...happening, now: this.now(), state: this.state, events: this.events })
  }
}

export interface Execution {
  attempt: number
  runId: string
  /** What a closed workflow returned; null when it was terminated. */
  status: 'running' | 'closed'
  outcome: AttemptOutcome | null
  cancelRequested: boolean
}

export type Description = Execution | 'not found' | 'unavailable'

/** Temporal's own default. */
const DEFAULT_REUSE_POLICY = 'ALLOW_DUPLICATE'

/** Workflow ids are attempts here: there is one task. Their reuse policy is the daemon's own. */
export class Temporal {
  constructor(private readonly broken: ReadonlySet<Broken>) {}

  available = true
  started: Execution[] = []
  onStarted: (execution: Execution, replaced: Execution | undefined) => void = () => {}
  #kept = new Map<number, Execution>()

  start(attempt: number): 'started' | 'already started' | 'unavailable' {
    if (!this.available) return 'unavailable'
    const kept = this.#kept.get(attempt)
    const { workflowIdReusePolicy = DEFAULT_REUSE_POLICY }: WorkflowIdPolicies = this.broken.has(
      'reuse policy left at its default',
    )
      ? {}
      : ATTEMPT_ID_POLICIES
    const reusable = workflowIdReusePolicy !== 'REJECT_DUPLICATE' && kept?.status === 'closed'
    if (kept && !reusable) return 'already started'
    const runId = `run-${attempt}-${this.started.length + 1}`
    const execution: Execution = { attempt, runId, status: 'running', outcome: null, cancelRequested: false }
    this.#kept.set(attempt, execution)
    this.started.push(execution)
    this.onStarted(execution, kept)
    return 'started'
  }

  describe(attempt: number): Description {
    if (!this.available) return 'unavailable'
    const execution = this.#kept.get(attempt)
    return execution ? { ...execution } : 'not found'
  }

  requestCancel(attempt: number): void {
    const execution = this.#kept.get(attempt)
    if (execution) execution.cancelRequested = true
  }

  /** Closed executions are forgotten once their retention is over. */
  expirable(): Execution[] {
    return [...this.#kept.values()].filter((execution) => execution.status === 'closed')
  }

  expire(execution: Execution): void {
    this.#kept.delete(execution.attempt)
  }
}

export interface ProviderTaskRecord {
  id: string
  /** The mark: which attempt asked for it. */
  attempt: number
  status: 'running' | 'succeeded' | 'failed'
}

export class Provider {
  tasks: ProviderTaskRecord[] = []
  /** It takes nothing, and tells nothing, for now. */
  busy = false
  onCreated: (task: ProviderTaskRecord) => void = () => {}

  create(attempt: number): string | 'not now' {
    if (this.busy) return 'not now'
    const task: ProviderTaskRecord = { id: `cgt-${this.tasks.length + 1}`, attempt, status: 'running' }
    this.onCreated(task)
    this.tasks.push(task)
    return task.id
  }

  get(id: string): ProviderTaskRecord | undefined {
    return this.tasks.find((task) => task.id === id)
  }

  /** Newest first, as a list API gives them. */
  findByMark(attempt: number): ProviderTaskRecord | undefined {
    return this.tasks.findLast((task) => task.attempt === attempt)
  }
}
