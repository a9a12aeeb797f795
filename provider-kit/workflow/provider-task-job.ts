import { CancellationScope, isCancellation, log } from '@temporalio/workflow'
import { BY_A_FIFTH, jittered } from '../../lib/backoff.js'
import type { AttemptInput } from '../../protocol/attempt.js'
import type { Begun, ProviderTask } from '../../protocol/messages.js'
import { attemptFailure, describeFailure, failureKind, isTaskCancelled } from './failures.js'
import { DEADLINE_EXCEEDED, Patience } from './patience.js'
import type { ProviderTaskSettings, ProviderTaskState } from './polled-task.js'
import type { AttemptRun } from './run-attempt.js'
import { SettledLooks } from './settled-looks.js'
import { createWithoutLookUp, type Find, type LookUp } from './unanswered-create.js'

const MAX_CREATES = 3
/** Long tasks are polled less and less often. */
const PAUSE_SHARE_OF_ELAPSED = 0.05

/** A provider that works by tasks, as a workflow reaches it through activities. */
export interface TaskProvider {
  /** Creates the task, and returns its id. One request, not retried. */
  create(): Promise<string>
  /** Reads get the number of milliseconds that are left for them. */
  get(id: string, leftMs: number): Promise<ProviderTaskState>
  /** Looks up what a create whose answer was lost has created. */
  lookUp: LookUp
  /** Cancels the task; false if it cannot be cancelled any more. */
  cancel(id: string): Promise<boolean>
}

/**
 * Carries out one task at the provider: resumes what an earlier attempt created, or else creates it; tells main; waits
 * for its success; and passes it to `collect`. Cancels it if the run or the task is cancelled. A run that is refused
 * for another reason leaves it, because another attempt may have adopted it. While waiting it continues as new, if
 * Temporal suggests so.
 *
 * @param collect returns null if the provider does not know the task at that moment
 */
export async function runProviderTask<Result>(
  run: AttemptRun,
  input: AttemptInput,
  provider: TaskProvider,
  settings: ProviderTaskSettings,
  collect: (providerTaskId: string) => Promise<Result | null>,
): Promise<Result> {
  const job = new ProviderTaskJob(run, input, provider, settings)
  try {
    const resumed = await job.resume(run.begun)
    const task = resumed ?? (await job.create(run.begun))
    await run.reportProcessing(task)
    await job.succeeded(task, { isNew: resumed === null })
    for (;;) {
      const result = await collect(task.id)
      if (result !== null) return result
      await job.seenAgain(task.id)
    }
  } catch (error) {
    if (isCancellation(error) || isTaskCancelled(error)) await job.cancel()
    throw error
  }
}

class ProviderTaskJob {
  readonly #patience: Patience
  readonly #looks: SettledLooks
  /** The task that is known to be at the provider. */
  #task: ProviderTask | undefined

  constructor(
    private readonly run: AttemptRun,
    readonly input: AttemptInput,
    readonly provider: TaskProvider,
    readonly settings: ProviderTaskSettings,
  ) {
    this.#patience = new Patience(run, input, settings.deadlineSeconds)
    this.#looks = new SettledLooks(this.#patience, provider, settings)
  }

  /** The task that an earlier attempt created and that is not over; null if none is known. */
  async resume({ providerTask, openIntents }: Begun): Promise<ProviderTask | null> {
    const { continued } = this.input
    const { lookUp } = this.provider
    // This run already waited for it: if it has ended meanwhile, its end is the attempt's end.
    if (continued?.providerTask) {
      this.#task = continued.providerTask
      return continued.providerTask
    }
    if (continued?.lostCreates !== undefined) return null
    this.#task = providerTask
    if (providerTask && isUsable(await this.#look(providerTask))) return providerTask
    if (openIntents.length === 0 || lookUp.impossible) return null
    const attempts = openIntents.map((intent) => intent.attempt)
    const found = await this.#lookUp(lookUp.find, attempts)
    if (!found) for (const attempt of attempts) this.run.noteUsage(attempt, {})
    return found && isUsable(await this.#look(found)) ? found : null
  }

  async create({ openIntents }: Begun): Promise<ProviderTask> {
    const { lookUp } = this.provider
    this.#patience.handles.report({ phase: 'creating' })
    if (!lookUp.impossible) return this.#createOrFind(lookUp.find)
    this.#patience.remember({ lostCreates: 0 })
    return createWithoutLookUp(this.#patience, openIntents, lookUp, () => this.#createNow())
  }

  /** If a create's answer was lost, looks the task up, and creates it again only if it is not there. */
  async #createOrFind(find: Find): Promise<ProviderTask> {
    let { lostCreates = 0, lookingUp = false } = this.#patience.continued
    for (;;) {
      this.#patience.remember({ lostCreates, lookingUp })
      if (!lookingUp) {
        this.#patience.handles.report({ phase: 'creating' })
        try {
          return await this.#patience.whileUnavailable(() => this.#createNow())
        } catch (error) {
          if (failureKind(error) !== 'ambiguous') throw error
          log.warn('A create got no answer: looking it up', { error })
        }
        this.#patience.remember({ lostCreates: ++lostCreates, lookingUp: true })
      }
      const found = await this.#lookUp(find, [this.input.attempt])
      if (found) return found
      if (lostCreates === MAX_CREATES) {
        const message = `${MAX_CREATES} requests got no answer, and created nothing`
        throw attemptFailure({ code: 'create_answer_lost', message, retryable: true, providerEnded: true })
      }
      lookingUp = false
    }
  }

  /** Once it is sent, its answer is awaited even in a cancelled run: without its id nobody could cancel the task. */
  async #createNow(): Promise<ProviderTask> {
    const id = await CancellationScope.nonCancellable(() => this.provider.create())
    this.#task = { id, attempt: this.input.attempt }
    return this.#task
  }

  /** Waits for the task's success. Throws the provider's reason if it fails. */
  async succeeded(task: ProviderTask, { isNew }: { isNew: boolean }): Promise<void> {
    const { id } = task
    const { firstPollSeconds, pollSeconds } = this.settings
    this.#patience.handles.report({ phase: 'waiting', providerTaskId: id })
    this.#patience.remember({ providerTask: task, lostCreates: undefined, lookingUp: undefined })
    try {
      if (isNew) await this.#patience.pause(firstPollSeconds, pollSeconds)
      while (!isDone(id, await this.#look(task))) {
        await this.#patience.pause(this.#pauseSeconds(), pollSeconds)
      }
    } catch (error) {
      if (describeFailure(error).error.code !== DEADLINE_EXCEEDED) throw error
      await this.#doneAtLast(task, error)
    }
    this.#patience.handles.report({ phase: 'storing' })
  }

  /** Waits until the provider knows its task again, or throws. */
  async seenAgain(id: string): Promise<void> {
    await this.#patience.pause(this.settings.pollSeconds)
    await this.#looks.atTask(id)
  }

  /** Cancels the task at the provider, if one is known; false if nothing could be cancelled. */
  async cancel(): Promise<boolean> {
    const id = this.#task?.id
    if (id === undefined) return false
    try {
      return await CancellationScope.nonCancellable(() => this.provider.cancel(id))
    } catch (error) {
      log.warn('Could not cancel the task at the provider', { providerTaskId: id, error })
      return false
    }
  }

  /**
   * At the deadline: a finished task is collected, because it is paid for; one that has not begun is cancelled; one
   * that the provider is working on is left for the next attempt to resume.
   */
  async #doneAtLast({ id, attempt }: ProviderTask, late: unknown): Promise<void> {
    const state = await this.provider.get(id, this.settings.requestTimeoutMs).catch((error: unknown) => {
      if (isCancellation(error)) throw error
      return null
    })
    if (state) this.#note(attempt, state)
    if (state && isDone(id, state)) return
    const cancelled = state !== null && (await this.cancel())
    if (!cancelled) throw late
    const message = `Not begun within ${this.settings.deadlineSeconds} s, and cancelled at the provider`
    throw attemptFailure({ code: DEADLINE_EXCEEDED, message, retryable: true, providerEnded: true })
  }

  #pauseSeconds(): number {
    const { pollSeconds, maxPollSeconds } = this.settings
    const growing = (this.#patience.elapsedMs / 1000) * PAUSE_SHARE_OF_ELAPSED
    const seconds = Math.min(Math.max(pollSeconds, growing), Math.max(pollSeconds, maxPollSeconds))
    return jittered(seconds, BY_A_FIFTH)
  }

  async #look({ id, attempt }: ProviderTask): Promise<ProviderTaskState> {
    const state = await this.#looks.atTask(id)
    this.#note(attempt, state)
    return state
  }

  #note(attempt: number, { units }: ProviderTaskState): void {
    if (units) this.run.noteUsage(attempt, units)
  }

  /** Continues even in a cancelled run: a task has to be found before it can be cancelled. */
  async #lookUp(find: Find, attempts: number[]): Promise<ProviderTask | null> {
    const found = await CancellationScope.nonCancellable(() => this.#looks.forCreated(find, attempts))
    if (found) this.#task = found
    return found
  }
}

/** Whether the task has succeeded. Throws the provider's reason if it ended otherwise. */
function isDone(id: string, state: ProviderTaskState): boolean {
  if (state.status === 'succeeded') return true
  if (isUsable(state)) return false
  throw attemptFailure({
    code: state.error?.code ?? `provider_task_${state.status}`,
    message: state.error?.message ?? `The provider's task ${id} is ${state.status}`,
    retryable: state.retryable ?? false,
    providerEnded: true,
  })
}

/** One that is gone may have succeeded: nobody knows. */
function isUsable({ status }: ProviderTaskState): boolean {
  return status !== 'failed' && status !== 'cancelled' && status !== 'expired'
}
