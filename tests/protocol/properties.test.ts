import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Decision,
  decide,
  evolve,
  initialTaskState,
  type TaskEvent,
  type TaskRequest,
  type TaskState,
} from '@/protocol/index.js'
import { type Command, commands } from './commands.js'
import { policy, TASK_KEY } from './support.js'

const SEED = Number(process.env.PROTOCOL_SEED ?? 1)

/** Runs the commands and shows every step to `check`, refused ones too. */
function walk(
  list: Command[],
  check: (
    before: TaskState,
    request: TaskRequest,
    events: TaskEvent[],
    after: TaskState,
    answer: Decision['answer'],
  ) => void,
) {
  let state = initialTaskState(policy.maxAttempts)
  let now = 1000
  list.forEach((command, index) => {
    now += command.wait
    const asked = command.request(state)
    const context = { taskKey: TASK_KEY, now, newToken: `token-${index}`, random: 0.5, policy }
    const { events, answer } = decide(state, asked, context)
    const next = events.reduce(evolve, state)
    check(state, asked, events, next, answer)
    state = next
  })
}

const EDGES = new Set([
  'pending>queued',
  'queued>queued',
  'failed>queued',
  'queued>pending',
  'queued>processing',
  'processing>completed',
  'processing>failed',
  'queued>failed',
  'pending>cancelled',
  'queued>cancelled',
  'processing>cancelled',
  'failed>cancelled',
])
const MOVES = new Set<TaskEvent['type']>(['queued', 'released', 'processing', 'completed', 'failed', 'cancelled'])
const CHANGES_TOKEN = new Set<TaskEvent['type']>([...MOVES, 'begun'])

const holds = (check: Parameters<typeof walk>[1], beginnings: fc.Arbitrary<Command[]> = fc.constant([])) =>
  fc.assert(
    fc.property(beginnings, commands, (beginning, list) => walk([...beginning, ...list], check)),
    { numRuns: 2000, seed: SEED },
  )

/** Claims that end without a run, up to the one that is too many. */
const fruitlessClaim: Command = { request: () => ({ from: 'processor', status: 'queued', alone: true }), wait: 400 }
const fruitlessClaims = fc
  .nat(policy.poisonAfterTakeOvers + 2)
  .map((count) => Array<Command>(count).fill(fruitlessClaim))

describe('whatever happens to a task', () => {
  it('its status moves only along the edges of the state machine, one event at a time', () => {
    holds((before, _request, events) => {
      let state = before
      for (const event of events) {
        const next = evolve(state, event)
        if (MOVES.has(event.type)) expect(EDGES).toContain(`${state.status}>${next.status}`)
        else expect(next.status).toBe(state.status)
        state = next
      }
    })
  })

  it('an event that its status does not take is refused', () => {
    const state = { ...initialTaskState(policy.maxAttempts), status: 'completed' } as const
    expect(() => evolve(state, { type: 'runClosed', attempt: 1, checkedAt: 1 })).toThrow(
      'No runClosed can happen to a task that is completed',
    )
  })

  it('attempts never go back, and each attempt ends at most once', () => {
    holds((before, _request, events, after) => {
      expect(after.attempts).toBeGreaterThanOrEqual(before.attempts)
      for (const event of events) {
        if (event.type === 'completed' || event.type === 'failed') {
          expect(before.outcomes[event.attempt]).toBeUndefined()
          expect(after.outcomes[event.attempt]).toBe(event.type)
        }
      }
    })
  })

  it('completed and cancelled are never left', () => {
    holds((before, _request, _events, after) => {
      if (before.status === 'completed' || before.status === 'cancelled') expect(after.status).toBe(before.status)
    })
  })

  it('the token changes with every claim, release, first begin, move and end, and with nothing else', () => {
    holds((before, _request, events, after) => {
      const changes = events.some((event) => CHANGES_TOKEN.has(event.type))
      expect(after.fencingToken !== before.fencingToken).toBe(changes)
    })
  })

  it('a create intent is closed only by a named task, a result, or a failure that leaves nothing', () => {
    holds((before, _request, events) => {
      let state = before
      for (const event of events) {
        const next = evolve(state, event)
        const closes =
          event.type === 'completed' ||
          (event.type === 'processing' && event.providerTask !== null) ||
          (event.type === 'failed' && event.providerEnded)
        if (closes) expect(next.openIntents).toEqual([])
        else if (event.type === 'restored') {
          const forgotten = Array.from({ length: event.attempt }, (_, i) => i + 1)
          expect(next.openIntents.map(({ attempt }) => attempt)).toEqual(forgotten)
        } else expect(next.openIntents).toEqual(expect.arrayContaining(state.openIntents))
        state = next
      }
    })
  })

  it('news of what a run waits for changes nothing else', () => {
    holds((before, request, events, after) => {
      if (request.status !== 'waiting' && request.status !== 'resumed') return
      if (events.every(({ type }) => type === 'waiting' || type === 'resumed')) {
        expect({ ...after, waitingFor: null }).toEqual({ ...before, waitingFor: null })
      }
    })
  })

  it('nobody with a stale token changes anything', () => {
    holds((before, request, events) => {
      if ('fencingToken' in request && request.fencingToken === 'stale-token') expect(events, before.status).toEqual([])
    })
  })

  it('within an attempt the run never changes once it has begun', () => {
    holds((before, _request, events, after) => {
      const sameAttempt = before.attempts === after.attempts && !events.some((event) => event.type === 'queued')
      if (before.runId !== null && sameAttempt) expect(after.runId).toBe(before.runId)
    })
  })

  it('nobody changes anything but the run of the attempt, once it has begun', () => {
    holds((before, request, events, _after, answer) => {
      if (!('runId' in request) || before.runId === null || request.runId === before.runId) return
      if (request.attempt !== before.attempts + 1 || (before.status !== 'queued' && before.status !== 'processing'))
        return
      expect(events, request.status).toEqual([])
      expect(answer.ok).toBe(false)
    })
  })

  it('nobody who means another row changes anything', () => {
    holds((_before, request, events, _after, answer) => {
      if (!('taskKey' in request) || request.taskKey === TASK_KEY) return
      expect(events).toEqual([])
      expect(answer).toMatchObject({ ok: false, reason: 'other_task' })
    })
  })

  it('a refused request changes nothing, but that a poisonous task has failed', () => {
    let poisonous = 0
    holds((_before, _request, events, _after, answer) => {
      if (answer.ok) return
      const types = events.map(({ type }) => type)
      expect(types, answer.reason).toEqual(answer.reason === 'poisonous' ? ['failed'] : [])
      poisonous += types.length
    }, fruitlessClaims)
    expect(poisonous).toBeGreaterThan(0)
  })

  it('deciding changes nothing by itself', () => {
    holds((before, request) => {
      const copy = structuredClone(before)
      decide(before, request, { taskKey: TASK_KEY, now: 1e6, newToken: 't', random: 0, policy })
      expect(before).toEqual(copy)
    })
  })
})
