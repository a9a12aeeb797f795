import { claimableAt, currentAttempt, type ProcessorReport, type Verdict } from '@/protocol/index.js'
import type { Action } from './network.js'
import type { Description, MainAnswer } from './servers.js'
import type { World } from './world.js'

interface Known {
  attempt: number
  fencingToken: string
  runId?: string
}

/** A task processor and its reconciler, for the one task there is. Forgets everything when it dies. */
export class Daemon {
  #step: { label: string; run: () => void } | null = null
  #waitingFor: object | null = null
  #tokens = 0

  constructor(
    private readonly world: World,
    readonly name: string,
  ) {}

  get idle(): boolean {
    return this.#step === null && this.#waitingFor === null
  }

  actions(): Action[] {
    const step = this.#step
    if (step) {
      return [
        {
          label: `${this.name} ${step.label}`,
          run: () => {
            this.#step = null
            step.run()
          },
        },
      ]
    }
    if (!this.idle) return []
    const actions: Action[] = []
    if (this.world.temporal.available && this.#isDue()) {
      actions.push({
        label: `${this.name} finds the task due`,
        run: () => this.#next('claims', () => this.#claim(this.#newToken())),
      })
      actions.push({
        label: `${this.name} asks for a batch`,
        run: () => this.#next('claims a batch', () => this.#claimBatch(this.#newToken())),
      })
    }
    if (this.#needsLook() && !this.world.broken.has('no reconciler')) {
      actions.push({ label: `${this.name} reads the task to check its run`, run: () => this.#check() })
    }
    return actions
  }

  faults(): Action[] {
    return this.idle ? [] : [{ label: `${this.name} is killed`, fault: true, run: () => this.#die() }]
  }

  #isDue(): boolean {
    const due = claimableAt(this.world.main.state)
    return due !== null && due <= this.world.now
  }

  #needsLook(): boolean {
    const { status, runUnseen } = this.world.main.state
    return status === 'processing' || (status === 'cancelled' && runUnseen)
  }

  #newToken(): string {
    this.#tokens += 1
    return `${this.name}-claim-${this.#tokens}`
  }

  #claim(fencingToken: string): void {
    const { main, broken } = this.world
    const claim = { from: 'processor', status: 'queued', fencingToken, alone: true } as const
    const asRead = broken.has('read-then-write claim') ? main.state : undefined
    this.#call(
      `${this.name}: queued`,
      () => main.handle(claim, asRead),
      (answer) => {
        if (!answer.ok || !answer.claim) return
        const { attempt, runId, takeOver } = answer.claim
        const known = { attempt, fencingToken, ...(runId !== undefined && { runId }) }
        if (takeOver || runId !== undefined) this.#describe(known)
        else this.#start(known)
      },
      () => this.#next('claims again', () => this.#claim(fencingToken)),
    )
  }

  /** Until it is answered, the same claimId is sent again; while nothing can be started, only to give back what it has. */
  #claimBatch(claimId: string): void {
    const { main, temporal } = this.world
    const isClosed = !temporal.available
    this.#call(
      `${this.name}: claimTasks${isClosed ? ' of none' : ''}`,
      () => main.claimTasks(claimId, isClosed ? 0 : 1),
      ({ claim, suspect }) => {
        if (suspect) this.#next('claims the suspect alone', () => this.#claim(this.#newToken()))
        if (!claim) return
        const { attempt, runId, takeOver, fencingToken } = claim
        const known = { attempt, fencingToken, ...(runId !== undefined && { runId }) }
        if (isClosed)
          this.#next('gives its claim back', () => this.#reportOnce({ status: 'released', ...fence(known) }))
        else if (takeOver || runId !== undefined) this.#describe(known)
        else this.#start(known)
      },
      () => this.#next('asks for the batch again', () => this.#claimBatch(claimId)),
    )
  }

  #start(known: Known): void {
    this.#next('starts the workflow', () =>
      this.#call(
        `${this.name}: start of attempt ${known.attempt}`,
        () => this.world.temporal.start(known.attempt),
        (answer) => {
          if (answer === 'already started') this.#describe(known)
          if (answer === 'unavailable')
            this.#next('releases its claim', () => this.#reportOnce({ status: 'released', ...fence(known) }))
        },
        () => this.#describe(known),
      ),
    )
  }

  #describe(known: Known): void {
    this.#next(`describes attempt ${known.attempt}`, () =>
      this.#call(
        `${this.name}: describe`,
        () => this.world.temporal.describe(known.attempt),
        (description) => this.#judge(known, description),
        () => this.#describe(known),
      ),
    )
  }

  #judge(known: Known, description: Description): void {
    const verdict = this.#verdict(known, description)
    if (verdict === 'start') this.#start(known)
    else if (verdict !== 'nothing') this.#next(`reports ${verdict.status}`, () => this.#reportOnce(verdict))
  }

  #verdict(known: Known, description: Description): Verdict | 'start' | 'nothing' {
    if (description === 'unavailable') {
      return this.world.broken.has('unavailable is not found') ? lost(known) : 'nothing'
    }
    const isOther = description !== 'not found' && known.runId !== undefined && description.runId !== known.runId
    if (description === 'not found' || isOther) return known.runId === undefined ? 'start' : lost(known)
    if (description.status === 'running') return { status: 'running', ...fence(known) }
    const { outcome, runId: seenRunId } = description
    if (outcome?.outcome === 'completed') return { status: 'completed', result: outcome.result, ...fence(known) }
    if (outcome?.outcome === 'failed') {
      const { error, retryable, providerEnded = false } = outcome
      return { status: 'failed', error, retryable, providerEnded, seenRunId, ...fence(known) }
    }
    const error = { code: 'workflow_terminated', message: '' }
    return { status: 'failed', error, retryable: true, seenRunId, ...fence(known) }
  }

  /** The reconciler: the token is read before Temporal is asked. */
  #check(): void {
    const { state } = this.world.main
    const known = {
      attempt: currentAttempt(state),
      fencingToken: state.fencingToken ?? '',
      ...(state.runId !== null && { runId: state.runId }),
    }
    if (state.status === 'processing') {
      this.#describe(known)
      return
    }
    this.#next('cancels the run', () => {
      this.world.temporal.requestCancel(known.attempt)
      this.#next('describes the cancelled run', () => {
        const description = this.world.temporal.describe(known.attempt)
        if (description === 'unavailable' || (description !== 'not found' && description.status === 'running')) return
        this.#reportOnce({ status: 'closed', ...fence(known) })
      })
    })
  }

  #die(): void {
    if (this.#waitingFor) this.world.network.abandon(this.#waitingFor)
    this.#waitingFor = null
    this.#step = null
  }

  #next(label: string, run: () => void): void {
    this.#step = { label, run }
  }

  /** A report whose lost answer is left to the lease, or to the next look. */
  #reportOnce(report: ProcessorReport): void {
    this.#report(
      report,
      () => {},
      () => {},
    )
  }

  #report(report: ProcessorReport, onAnswer: (answer: MainAnswer) => void, onLost: () => void): void {
    this.#call(
      `${this.name}: ${report.status}`,
      () => this.world.main.handle({ ...report, from: 'processor' }),
      onAnswer,
      onLost,
    )
  }

  #call<Answer>(label: string, execute: () => Answer, onAnswer: (answer: Answer) => void, onLost: () => void): void {
    const settle = () => {
      this.#waitingFor = null
    }
    this.#waitingFor = this.world.network.send(
      label,
      execute,
      (answer: Answer) => {
        settle()
        onAnswer(answer)
      },
      () => {
        settle()
        onLost()
      },
    )
  }
}

function fence(known: Known): { attempt: number; fencingToken: string } {
  return { attempt: known.attempt, fencingToken: known.fencingToken }
}

function lost(known: Known): Verdict {
  return { status: 'failed', error: { code: 'workflow_lost', message: '' }, retryable: true, ...fence(known) }
}
