/** Moments of a story at which the order of two requests decides. */
import { decide, evolve, initialTaskState, type TaskEvent, type TaskRequest, type TaskState } from '@/protocol/index.js'
import type { Answer } from '../support/main.js'
import { answeredAs, storedAs, withTokens } from './comparison.js'
import type { Stored } from './real-main.js'
import { MODEL_POLICY, type Step } from './servers.js'

/** The answers, in the order in which the requests are named, and what is stored in the end; tokens left out. */
export interface Outcome {
  answers: Answer[]
  stored: Stored
}

export interface Race {
  /** How many steps come before it. */
  after: number
  now: number
  requests: [TaskRequest, TaskRequest]
  /** For either order. */
  outcomes: [Outcome, Outcome]
}

export function racesOf(history: Step[]): Race[] {
  return history.flatMap((first, after) => {
    const second = history[after + 1]
    if (first.kind !== 'request' || second?.kind !== 'request') return []
    const { now } = second
    const before = history[after - 1] ?? { state: initialTaskState(MODEL_POLICY.maxAttempts), events: [] }
    if (followsFrom(second.request, before.state, first.state)) return []
    const inOrder = outcome(before, [first.request, second.request], now)
    const swapped = outcome(before, [second.request, first.request], now)
    swapped.answers.reverse()
    if (JSON.stringify(inOrder) === JSON.stringify(swapped)) return []
    return [{ after, now, requests: [first.request, second.request], outcomes: [inOrder, swapped] }]
  })
}

/** Whether a request brings the token that the row has only now: it cannot have been sent before. */
function followsFrom(request: TaskRequest, before: TaskState, state: TaskState): boolean {
  if (!('fencingToken' in request) || state.fencingToken === before.fencingToken) return false
  return request.fencingToken === state.fencingToken
}

function outcome(
  before: { state: TaskState; events: readonly TaskEvent[] },
  requests: TaskRequest[],
  now: number,
): Outcome {
  let { state, events } = before
  const answers = requests.map((request, index) => {
    const chance = { newToken: `raced-${index}`, random: 0.5 }
    const decision = decide(state, request, { taskKey: '', now, policy: MODEL_POLICY, ...chance })
    state = decision.events.reduce(evolve, state)
    events = [...events, ...decision.events]
    return answeredAs(decision.answer, state)
  })
  return withTokens({ answers, stored: storedAs(state, events) }, () => '')
}
