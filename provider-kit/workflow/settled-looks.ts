import type { ProviderTask } from '../../protocol/messages.js'
import { attemptFailure } from './failures.js'
import type { Patience } from './patience.js'
import type { ProviderTaskSettings, ProviderTaskState } from './polled-task.js'
import type { Find } from './unanswered-create.js'

const LOOK_UP_EVERY_SECONDS = 10

/**
 * Looks at a provider's tasks, and believes that one is not there only once that has settled: a create may still be on
 * its way, and a record may be late.
 */
export class SettledLooks {
  constructor(
    private readonly patience: Patience,
    private readonly provider: { get(id: string, leftMs: number): Promise<ProviderTaskState> },
    private readonly settings: ProviderTaskSettings,
  ) {}

  /**
   * How the task is. A record that is missing may only be late, or out of another account's sight: it is asked for
   * again for a while, and to have another one made is not for this run to decide.
   */
  async atTask(id: string): Promise<ProviderTaskState> {
    const { pollSeconds, settleSeconds } = this.settings
    for (;;) {
      const askedAt = Date.now()
      const state = await this.patience.untilAnswered(pollSeconds, (leftMs) => this.provider.get(id, leftMs))
      this.patience.handles.looked(state.status)
      const settledAt = state.status === 'gone' && this.#settle('record', askedAt + settleSeconds * 1000)
      if (!settledAt) return this.#settled('record', state)
      if (askedAt >= settledAt) throw taskGone(id)
      await this.patience.pause(pollSeconds)
    }
  }

  /** Believes "nothing there" only once no create can still be on its way. */
  async forCreated(find: Find, attempts: number[]): Promise<ProviderTask | null> {
    const { requestTimeoutMs, settleSeconds } = this.settings
    this.patience.handles.report({ phase: 'looking-up' })
    const settledAt = this.#settle('list', Date.now() + requestTimeoutMs + settleSeconds * 1000)
    for (;;) {
      // What came while the list was read, or while its answer was waited for, may not be on it.
      let askedAt = 0
      const found = await this.patience.untilAnswered(LOOK_UP_EVERY_SECONDS, (leftMs) => {
        askedAt = Date.now()
        return find(attempts, leftMs)
      })
      if (found || askedAt >= settledAt) return this.#settled('list', found)
      await this.patience.pause(LOOK_UP_EVERY_SECONDS)
    }
  }

  /** When what is missing is believed to be so: by `at`, or as it was said first, before the run continued as new too. */
  #settle(what: 'list' | 'record', at: number): number {
    const { settling } = this.patience.continued
    if (settling?.what === what) return settling.at
    this.patience.remember({ settling: { what, at } })
    return at
  }

  #settled<T>(what: 'list' | 'record', outcome: T): T {
    if (this.patience.continued.settling?.what === what) this.patience.remember({ settling: undefined })
    return outcome
  }
}

/** For good, until an operator's retry, which then starts afresh. */
function taskGone(id: string): Error {
  const message = `The provider knows its task ${id} no more; it may have been made and charged for`
  return attemptFailure({ code: 'provider_task_gone', message, retryable: false, providerEnded: true })
}
