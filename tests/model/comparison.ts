/** What a real main has to answer and to store where the model has answered and stored this. */
import { claimableAt, type TaskEvent, type TaskState, uncheckedSince } from '@/protocol/index.js'
import type { Answer } from '../support/main.js'
import type { Stored } from './real-main.js'
import type { MainAnswer } from './servers.js'

export function answeredAs(answer: MainAnswer, { status }: TaskState): Answer {
  return answer.ok
    ? { status: 200, body: { success: true, status, ...answer.claim, ...answer.begin } }
    : { status: 409, body: { success: false, status, error: answer.error, reason: answer.reason } }
}

export function storedAs(state: TaskState, events: readonly TaskEvent[]): Stored {
  const { status, attempts } = state
  return {
    status,
    attempts,
    claimableAt: claimableAt(state),
    uncheckedSince: uncheckedSince(state),
    // A result is kept in its column alone.
    state: { ...state, result: null },
    result: state.result,
    // A look is noted on the row.
    events: events
      .filter(({ type }) => type !== 'checked')
      .map((data) => ({
        eventType: data.type,
        attempt: data.attempt,
        data: data.type === 'completed' ? { ...data, result: null } : data,
      })),
  }
}

/**
 * The same with other tokens: every main makes its own.
 *
 * @param story what a claimId begins with
 */
export function withTokens<T>(value: T, name: (token: string) => string, story = ''): T {
  return JSON.parse(
    JSON.stringify(value, (key, member) => {
      if (key === 'claimId') return member.slice(story.length)
      return key === 'fencingToken' && member !== null ? name(member) : member
    }),
  )
}
