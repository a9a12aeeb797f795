import { CancellationScope, isCancellation, log } from '@temporalio/workflow'
import type { ProviderTask } from '../protocol/types.js'
import type { ProviderTaskSettings, ProviderTaskState } from '../provider-task.js'
import type { Begun } from '../task.js'
import { attemptFailure, failureKind, isTaskCancelled } from './failures.js'
import { Patience } from './patience.js'
import type { AttemptRun } from './run-attempt.js'

const LOOK_UP_EVERY_SECONDS = 10
const MAX_CREATES = 3

/** A provider that makes things by tasks, by way of activities that send one request each, unretried. */
export interface TaskProvider {
  /** Has the task created, and gives its id. */
  create(): Promise<string>
  get(id: string): Promise<ProviderTaskState>
  /** What these attempts had created; null only if the provider lists nothing. */
  find(attempts: number[]): Promise<ProviderTask | null>
  /** Cancels the task if it can still be cancelled. */
  cancel(id: string): Promise<unknown>
}

/**
 * Sees one task at the provider through: resumes what an earlier attempt had created, or else creates it; tells
 * main; waits for its success; and gives it to `collect`. Cancels it when the run or the task is cancelled; a run
 * that is refused for another reason leaves it: another attempt may have taken it up.
 */
export async function runProviderTask<Result>(
  run: AttemptRun,
  attempt: number,
  provider: TaskProvider,
  settings: ProviderTaskSettings,
  collect: (providerTaskId: string) => Promise<Result>,
): Promise<Result> {
  const job = new ProviderTaskJob(attempt, provider, settings)
  const task = (await job.resume(run.begun)) ?? (await job.create())
  try {
    await run.reportProcessing(task)
    await job.succeeded(task.id)
    return await collect(task.id)
  } catch (error) {
    if (isCancellation(error) || isTaskCancelled(error)) await job.cancel(task.id)
    throw error
  }
}

class ProviderTaskJob {
  readonly #patience: Patience

  constructor(
    readonly attempt: number,
    readonly provider: TaskProvider,
    readonly settings: ProviderTaskSettings,
  ) {
    this.#patience = new Patience(settings.deadlineSeconds)
  }

  /** What an earlier attempt had created and is not over; null once it is certain that there is nothing. */
  async resume({ providerTask, openIntents }: Begun): Promise<ProviderTask | null> {
    if (providerTask && isUsable(await this.#look(providerTask.id))) return providerTask
    if (openIntents.length === 0) return null
    const found = await this.#lookUp(openIntents.map((intent) => intent.attempt))
    return found && isUsable(await this.#look(found.id)) ? found : null
  }

  /** Where a create's answer was lost the task is looked up; only if it is not there, it is created again. */
  async create(): Promise<ProviderTask> {
    for (let creates = 1; ; creates++) {
      try {
        // Once asked for, it is waited for even in a cancelled run: without its id nobody could cancel it.
        const id = await this.#patience.whileUnavailable(() =>
          CancellationScope.nonCancellable(() => this.provider.create()),
        )
        return { id, attempt: this.attempt }
      } catch (error) {
        if (failureKind(error) !== 'ambiguous') throw error
        log.warn('A create got no answer: looking it up', { error })
        const found = await this.#lookUp([this.attempt])
        if (found) return found
        if (creates === MAX_CREATES) {
          const message = `${MAX_CREATES} requests got no answer, and created nothing`
          throw attemptFailure({ code: 'create_answer_lost', message, retryable: true, providerEnded: true })
        }
      }
    }
  }

  /** Waits for the task's success. Throws the provider's reason if there will be none. */
  async succeeded(id: string): Promise<void> {
    for (;;) {
      const state = await this.#look(id)
      if (state.status === 'succeeded') return
      if (!isUsable(state)) {
        throw attemptFailure({
          code: state.error?.code ?? `provider_task_${state.status}`,
          message: state.error?.message ?? `The provider's task ${id} is ${state.status}`,
          retryable: state.retryable ?? false,
          providerEnded: true,
        })
      }
      await this.#patience.pause(this.settings.pollSeconds)
    }
  }

  async cancel(id: string): Promise<void> {
    try {
      await CancellationScope.nonCancellable(() => this.provider.cancel(id))
    } catch (error) {
      log.warn('Could not cancel the task at the provider', { providerTaskId: id, error })
    }
  }

  #look(id: string): Promise<ProviderTaskState> {
    return this.#patience.untilAnswered(this.settings.pollSeconds, () => this.provider.get(id))
  }

  /** Believes "nothing there" only once no create can still be on its way. */
  async #lookUp(attempts: number[]): Promise<ProviderTask | null> {
    const { requestTimeoutMs, settleSeconds } = this.settings
    const settledAt = Date.now() + requestTimeoutMs + settleSeconds * 1000
    for (;;) {
      const found = await this.#patience.untilAnswered(LOOK_UP_EVERY_SECONDS, () => this.provider.find(attempts))
      if (found || Date.now() >= settledAt) return found
      await this.#patience.pause(LOOK_UP_EVERY_SECONDS)
    }
  }
}

function isUsable({ status }: ProviderTaskState): boolean {
  return status === 'queued' || status === 'running' || status === 'succeeded'
}
