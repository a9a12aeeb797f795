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
   * Reads the task. A missing record may only be late, or hidden from this account: it is read again for a while. This
   * run never creates another one instead.
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

  /** Believes that nothing is there only once no create can still be on its way. */
  async forCreated(find: Find, attempts: number[]): Promise<ProviderTask | null> {
    const { requestTimeoutMs, settleSeconds } = this.settings
    this.patience.handles.report({ phase: 'looking-up' })
    const settledAt = this.#settle('list', Date.now() + requestTimeoutMs + settleSeconds * 1000)
    for (;;) {
      // A task that was created while the list was read may be missing from it.
      let askedAt = 0
      const found = await this.patience.untilAnswered(LOOK_UP_EVERY_SECONDS, (leftMs) => {
        askedAt = Date.now()
        return find(attempts, leftMs)
      })
      if (found || askedAt >= settledAt) return this.#settled('list', found)
      await this.patience.pause(LOOK_UP_EVERY_SECONDS)
    }
  }

  /** When a missing task is believed to be gone: at `at`, or at the time noted first, also by an earlier run. */
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

/** Final, until an operator's retry, which then starts afresh. */
function taskGone(id: string): Error {
  const message = `The provider knows its task ${id} no more; it may have been made and charged for`
  return attemptFailure({ code: 'provider_task_gone', message, retryable: false, providerEnded: true })
}
