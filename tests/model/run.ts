/** A run as the model has it. One class, as each step hangs on those before it. */
import type { TestTaskResult } from '@/integrations/test-async-task/schemas.js'
import type { AttemptOutcome } from '@/protocol/attempt.js'
import type { ProviderTask, RunReport, Usage } from '@/protocol/index.js'
import type { Action } from './network.js'
import type { Execution, MainAnswer } from './servers.js'
import type { World } from './world.js'

/** How long after its begin a run may still send a create, in seconds. */
const CREATE_WINDOW = 60

/** One Temporal execution of the workflow: begin, look up, create, poll, report. Survives its worker's death. */
export class Run {
  #step: (() => void) | null
  #label: string
  #waitingFor: object | null = null
  #begunAt = 0
  #waited = false

  constructor(
    private readonly world: World,
    private readonly execution: Execution,
  ) {
    this.#label = `${this.#name} begins`
    this.#step = () => this.#begin()
  }

  actions(): Action[] {
    if (this.execution.status === 'closed') return []
    const actions: Action[] = []
    const step = this.#step
    if (step) {
      actions.push({
        label: this.#label,
        run: () => {
          this.#step = null
          step()
        },
      })
    }
    return actions
  }

  faults(): Action[] {
    if (this.execution.status === 'closed') return []
    return [{ label: `${this.#name} is terminated`, fault: true, run: () => this.#close(null) }]
  }

  get #name(): string {
    return this.execution.runId
  }

  #next(label: string, step: () => void): void {
    if (this.execution.status === 'closed') return
    if (this.execution.cancelRequested) {
      this.#close({
        outcome: 'failed',
        attempt: this.execution.attempt,
        error: { code: 'cancelled', message: '' },
        retryable: false,
      })
      return
    }
    this.#label = `${this.#name} ${label}`
    this.#step = step
  }

  #begin(): void {
    const { attempt, runId } = this.execution
    if (this.world.broken.has('no begin')) {
      this.#begunAt = this.world.now
      this.#lookUp([])
      return
    }
    this.#report({ status: 'begin', attempt, runId }, (answer) => {
      if (!answer.ok) {
        this.#refused(answer.error)
        return
      }
      this.#begunAt = this.world.now
      const { providerTask, openIntents = [] } = answer.begin ?? {}
      if (this.world.faults.blind) {
        if (openIntents.length > 0) this.#fail('create_answer_lost', false, true)
        else this.#tellThatItAsks()
        return
      }
      const known = providerTask && this.world.provider.get(providerTask.id)
      if (providerTask && known && known.status !== 'failed') this.#resume(providerTask)
      else this.#lookUp(openIntents.map((intent) => ({ attempt: intent.attempt, since: intent.at })))
    })
  }

  /** Asks the provider for the mark of every attempt that may have created something. */
  #lookUp(open: { attempt: number; since: number }[]): void {
    const [first, ...rest] = open
    if (!first) {
      this.#next('creates a provider task', () => this.#create())
      return
    }

    const nothingOnItsWay = first.since + CREATE_WINDOW + this.world.network.maxTransitSeconds
    this.#next(`looks for what attempt ${first.attempt} created`, () => {
      this.#call(
        `${this.#name}: lookup`,
        () => this.world.provider.findByMark(first.attempt) ?? null,
        (found) => {
          const tooEarly = this.world.now <= nothingOnItsWay && !this.world.broken.has('no margin')
          const isOwn = first.attempt === this.execution.attempt
          if (found && found.status !== 'failed') this.#resume({ id: found.id, attempt: found.attempt })
          else if (found && isOwn) this.#fail('provider_failed', true, true)
          else this.#lookUp(!found && tooEarly ? open : rest)
        },
        () => this.#lookUp(open),
      )
    })
  }

  /** A provider that makes things in one request, and cannot be asked afterwards. */
  #tellThatItAsks(): void {
    const { attempt, runId } = this.execution
    this.#next('reports processing', () =>
      this.#report({ status: 'processing', attempt, runId }, (answer) =>
        answer.ok ? this.#next('asks the provider', () => this.#ask()) : this.#refused(answer.error),
      ),
    )
  }

  #ask(): void {
    const { attempt } = this.execution
    this.#waitingFor = this.world.network.send(
      `${this.#name}: request`,
      () => this.world.provider.create(attempt),
      (id) => {
        if (id !== 'not now') this.#complete(id)
        else if (this.world.now > this.#begunAt + CREATE_WINDOW) this.#fail('not_now', true, true)
        else this.#waits(() => this.#next('asks the provider again', () => this.#ask()))
      },
      () => this.#fail('create_answer_lost', false, true, [{ attempt }]),
      true,
    )
  }

  /** News, and no more: however main answers, and whether it does, the run goes on. */
  #waits(next: () => void): void {
    const { attempt, runId } = this.execution
    this.#waited = true
    this.#tell({ status: 'waiting', attempt, runId, reason: { code: 'busy', message: '' }, nextTrySeconds: 5 }, next)
  }

  #resumes(next: () => void): void {
    const { attempt, runId } = this.execution
    if (!this.#waited) {
      next()
      return
    }
    this.#waited = false
    this.#tell({ status: 'resumed', attempt, runId }, next)
  }

  #tell(news: RunReport, next: () => void): void {
    this.#next(`tells ${news.status}`, () =>
      this.#call(`${this.#name}: ${news.status}`, () => this.world.main.handle({ ...news, from: 'run' }), next, next),
    )
  }

  #create(): void {
    const { attempt } = this.execution
    if (this.world.now > this.#begunAt + CREATE_WINDOW) {
      this.#fail('create_window_over', true, false)
      return
    }
    const sentAt = this.world.now
    this.#waitingFor = this.world.network.send(
      `${this.#name}: create`,
      () => this.world.provider.create(attempt),
      (id) => {
        if (id === 'not now') this.#waits(() => this.#next('creates a provider task', () => this.#create()))
        else this.#resume({ id, attempt })
      },
      () => this.#lookUp([{ attempt, since: sentAt }]),
      true,
    )
  }

  #resume(task: ProviderTask): void {
    const { attempt, runId } = this.execution
    this.#next('reports processing', () =>
      this.#report({ status: 'processing', attempt, runId, providerTask: task }, (answer) =>
        answer.ok ? this.#poll(task) : this.#refused(answer.error),
      ),
    )
  }

  #poll(task: ProviderTask): void {
    this.#next('polls', () => {
      if (this.world.provider.busy) {
        this.#waits(() => this.#poll(task))
        return
      }
      const record = this.world.provider.get(task.id)
      this.#resumes(() => {
        if (record?.status === 'running') this.#poll(task)
        else if (record?.status === 'failed')
          this.#fail('provider_failed', true, true, [{ attempt: task.attempt, units: {} }])
        else this.#complete(task.id, [{ attempt: task.attempt, units: { tokens: task.attempt } }])
      })
    })
  }

  #complete(id: string, usage?: Usage): void {
    const result: TestTaskResult = { success: true, steps: [id] }
    this.#end({ outcome: 'completed', attempt: this.execution.attempt, result, ...(usage && { usage }) })
  }

  #fail(code: string, retryable: boolean, providerEnded: boolean, usage?: Usage): void {
    this.#end({
      outcome: 'failed',
      attempt: this.execution.attempt,
      error: { code, message: '' },
      retryable,
      providerEnded,
      ...(usage && { usage }),
    })
  }

  #end(outcome: Exclude<AttemptOutcome, { outcome: 'refused' }>): void {
    const { attempt, runId } = this.execution
    const { outcome: status, ...rest } = outcome
    this.#next(`reports ${status}`, () =>
      this.#report({ ...rest, status, attempt, runId } as RunReport, () => this.#close(outcome)),
    )
  }

  #refused(reason: string): void {
    this.#close({ outcome: 'refused', attempt: this.execution.attempt, reason })
  }

  #close(outcome: AttemptOutcome | null): void {
    if (this.#waitingFor) this.world.network.abandon(this.#waitingFor)
    this.execution.status = 'closed'
    this.execution.outcome = outcome
  }

  /** A report activity: sent again until main has answered. */
  #report(request: RunReport, onAnswer: (answer: MainAnswer) => void): void {
    this.#call(
      `${this.#name}: ${request.status}`,
      () => this.world.main.handle({ ...request, from: 'run' }),
      onAnswer,
      () => this.#next(`reports ${request.status} again`, () => this.#report(request, onAnswer)),
    )
  }

  #call<Answer>(label: string, execute: () => Answer, onAnswer: (answer: Answer) => void, onLost: () => void): void {
    this.#waitingFor = this.world.network.send(label, execute, onAnswer, onLost)
  }
}
