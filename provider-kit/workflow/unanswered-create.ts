/** What to do if a create's answer was lost. */
import type { CreateIntent, ProviderTask } from '../../protocol/messages.js'
import { attemptFailure, describeFailure, failureKind, usageIn } from './failures.js'
import type { Patience } from './patience.js'

/**
 * Looks up what these attempts created; null only if the provider was asked and lists nothing.
 *
 * @param leftMs the number of milliseconds that are left for it
 */
export type Find = (attempts: number[], leftMs: number) => Promise<ProviderTask | null>

/** How to find out whether a create whose answer was lost created something, and is charged for. */
export type LookUp = { find: Find; impossible?: never } | NoLookUp

/** For a provider that offers no lookup. */
export interface NoLookUp {
  impossible: true
  find?: never
  /**
   * `fail`: the task fails for good, and an operator's retry starts afresh. `retry`: the next attempt creates another
   * one, which may be a duplicate charge, once for each attempt.
   */
  onAmbiguousCreate: 'fail' | 'retry'
}

/**
 * Creates something at a provider that offers no lookup: at most once in this attempt; and not at all if an earlier
 * attempt may have created it, unless a duplicate charge is accepted.
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
  if (openIntents.length > 0 && !mayPayTwice) throw attemptFailure(answerLost('an earlier attempt', '', false))
  try {
    return await patience.whileUnavailable(create)
  } catch (error) {
    if (failureKind(error) !== 'ambiguous') throw error
    const lost = answerLost('this attempt', `: ${describeFailure(error).error.message}`, mayPayTwice)
    throw attemptFailure({ ...lost, kind: 'ambiguous', units: usageIn(error)?.units })
  }
}

/** Final: an operator has to decide. A manual retry then starts afresh, with no intent open. */
function answerLost(whose: string, how: string, retryable: boolean) {
  const message = `The answer to ${whose} was lost, and what was asked for may have been made and charged for${how}`
  return { code: 'create_answer_lost', message, retryable, providerEnded: !retryable }
}
