/** What becomes of a task of which nobody knows whether the provider was asked, and can be asked. */
import type { CreateIntent, ProviderTask } from '../../protocol/messages.js'
import { attemptFailure, describeFailure, failureKind } from './failures.js'
import type { Patience } from './patience.js'

/**
 * What these attempts had created; null only if the provider was asked and lists nothing.
 *
 * @param leftMs how many milliseconds are left for it
 */
export type Find = (attempts: number[], leftMs: number) => Promise<ProviderTask | null>

/** How it is found out whether a create whose answer was lost made something, and was charged for. */
export type LookUp = { find: Find; impossible?: never } | NoLookUp

/** Of a provider that cannot be asked. */
export interface NoLookUp {
  impossible: true
  find?: never
  /**
   * `fail`: the task fails for good, and an operator's retry starts afresh. `retry`: the next attempt has another one
   * created and may pay twice, as often as there are attempts.
   */
  onAmbiguousCreate: 'fail' | 'retry'
}

/**
 * Has something created by a provider that cannot be asked: at most once in this attempt; and not at all where an
 * earlier one may have, unless paying twice is accepted.
 *
 * @param openIntents those of earlier attempts
 */
export async function createWithoutLookUp<T>(
  patience: Patience,
  openIntents: readonly CreateIntent[],
  { onAmbiguousCreate }: NoLookUp,
  create: () => Promise<T>,
): Promise<T> {
  const mayPayTwice = onAmbiguousCreate === 'retry'
  if (openIntents.length > 0 && !mayPayTwice) throw answerLost('an earlier attempt', '', false)
  try {
    return await patience.whileUnavailable(create)
  } catch (error) {
    if (failureKind(error) !== 'ambiguous') throw error
    throw answerLost('this attempt', `: ${describeFailure(error).error.message}`, mayPayTwice)
  }
}

/** For good, it leaves an operator to decide: a retry by hand then starts afresh, with no intent open. */
function answerLost(whose: string, how: string, retryable: boolean): Error {
  const message = `The answer to ${whose} was lost, and what was asked for may have been made and charged for${how}`
  return attemptFailure({ code: 'create_answer_lost', message, retryable, providerEnded: !retryable })
}
