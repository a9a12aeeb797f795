import { describe, expect, it } from 'vitest'
import { claimableAt, initialTaskState, type TaskState } from '@/protocol/index.js'
import { begin, claim, continueFrom, failed, policy, reach, refusal, rows, step } from './support.js'

const LEASE = policy.stuckTimeoutSeconds

describe('claim', () => {
  it('answers the attempt, the token it was asked for and the lease', () => {
    const { decision, state } = step(rows.pending, { ...claim, fencingToken: 'my-token' }, 100)
    expect(decision.answer).toEqual({
      ok: true,
      claim: { attempt: 1, fencingToken: 'my-token', leaseSeconds: LEASE, takeOver: false },
    })
    expect(state).toMatchObject({ status: 'queued', startedAt: 100, leaseExpiresAt: 100 + LEASE })
  })

  it('the same claim again is answered the same, with what is left of the lease', () => {
    const mine = { ...claim, fencingToken: 'my-token' }
    const first = step(rows.pending, mine, 100)
    const again = step(first.state, mine, 110)
    expect(again.decision).toEqual({
      events: [],
      answer: { ok: true, claim: { attempt: 1, fencingToken: 'my-token', leaseSeconds: LEASE - 10, takeOver: false } },
    })
  })

  it('loses to a claim that came first', () => {
    const first = step(rows.pending, { ...claim, fencingToken: 'first-token' }, 100)
    expect(refusal(step(first.state, { ...claim, fencingToken: 'later-token' }, 100).decision)).toBe('lease_held')
  })

  it('waits until a delayed task is due', () => {
    const delayed = initialTaskState(policy.maxAttempts, 500)
    expect(refusal(step(delayed, claim, 499).decision)).toBe('not_due')
    expect(step(delayed, claim, 500).state.status).toBe('queued')
  })

  it('waits out the back-off of a failure, then starts the next attempt without the old run', () => {
    const due = rows.failed.dueAt
    expect(refusal(step(rows.failed, claim, due - 0.1).decision)).toBe('not_due')
    const { state, decision } = step(rows.failed, claim, due)
    expect(decision.answer).toMatchObject({ claim: { attempt: 2, takeOver: false } })
    expect(state).toMatchObject({ runId: null, attempts: 1 })
  })

  it('ends at the attempt limit', () => {
    let state = initialTaskState(2)
    for (const attempt of [1, 2]) {
      state = step(state, claim, 1e6 * attempt).state
      state = step(state, failed(attempt), 1e6 * attempt + 1).state
    }
    expect(state).toMatchObject({ status: 'failed', attempts: 2, retryable: true })
    expect(claimableAt(state)).toBeNull()
    expect(refusal(step(state, claim, 1e9).decision)).toBe('attempts_used_up')
  })
})

describe.each(['at_capacity', 'user_at_capacity', 'paused'] as const)('%s', (noPlace) => {
  it.each([
    ['a new task', rows.pending, 1e6],
    ['the next attempt of one that failed', rows.failed, rows.failed.dueAt],
  ])('%s has to wait', (_name, row, due) => {
    expect(refusal(step(row, claim, due, noPlace).decision)).toBe(noPlace)
    expect(step(row, claim, due).state.status).toBe('queued')
  })

  it('what is in flight already is taken over all the same', () => {
    expect(step(rows.queued, claim, rows.queued.leaseExpiresAt ?? 0, noPlace).state.status).toBe('queued')
  })
})

describe('take-over', () => {
  it('happens only once the lease is over, and keeps attempt and run', () => {
    const end = rows.begun.leaseExpiresAt ?? 0
    expect(refusal(step(rows.begun, claim, end - 1).decision)).toBe('lease_held')
    const { decision, state } = step(rows.begun, claim, end)
    expect(decision.answer).toMatchObject({ claim: { attempt: 1, takeOver: true, runId: 'run-1' } })
    expect(state.fencingToken).not.toBe(rows.begun.fencingToken)
  })

  it('is answered the same when the same take-over is sent again', () => {
    const end = rows.queued.leaseExpiresAt ?? 0
    const mine = { ...claim, fencingToken: 'my-token' }
    const first = step(rows.queued, mine, end)
    expect(step(first.state, mine, end).decision.answer).toEqual(first.decision.answer)
    expect(first.decision.answer).toMatchObject({ claim: { takeOver: true } })
  })

  it('a begin gives the lease its full length again', () => {
    expect(step(rows.queued, begin(), 200).state.leaseExpiresAt).toBe(200 + LEASE)
  })

  it('a look at a run that is alive does so too, and only where there is a lease', () => {
    const seenBy = ({ fencingToken }: TaskState) =>
      ({ from: 'processor', status: 'running', attempt: 1, fencingToken: fencingToken ?? '' }) as const
    expect(step(rows.begun, seenBy(rows.begun), 200).state.leaseExpiresAt).toBe(200 + LEASE)
    expect(step(rows.processing, seenBy(rows.processing), 200).state.leaseExpiresAt).toBeNull()
  })
})

describe('release', () => {
  it('gives the same attempt back, later each time', () => {
    let state = rows.pending
    const pauses: number[] = []
    for (let now = 1000; now < 4000; now += 1000) {
      state = step(state, claim, now).state
      state = step(
        state,
        { from: 'processor', status: 'released', attempt: 1, fencingToken: state.fencingToken ?? '' },
        now,
      ).state
      pauses.push(state.dueAt - now)
    }
    expect(state).toMatchObject({ status: 'pending', attempts: 0 })
    expect(pauses).toEqual([0.75, 1.5, 3])
  })

  it('makes the released token worthless', () => {
    const fencingToken = rows.queued.fencingToken ?? ''
    const released = continueFrom(rows.queued, { from: 'processor', status: 'released', attempt: 1, fencingToken })
    expect(
      refusal(step(released, { from: 'processor', status: 'released', attempt: 1, fencingToken }, 10).decision),
    ).toBe('stale_token')
  })
})

describe('poison', () => {
  /** Claims that end without a run, one lease after another. */
  function fruitless(takeOvers: number, alone: boolean) {
    let state = reach(claim)
    for (let i = 0; i < takeOvers; i++) state = step(state, { ...claim, alone }, state.leaseExpiresAt ?? 0).state
    return state
  }

  it('a suspect is claimed only alone', () => {
    const suspect = fruitless(policy.suspectAfterTakeOvers, false)
    const end = suspect.leaseExpiresAt ?? 0
    expect(refusal(step(suspect, claim, end).decision)).toBe('claim_alone')
    expect(step(suspect, { ...claim, alone: true }, end).decision.answer.ok).toBe(true)
  })

  it('after enough fruitless take-overs, the last one alone, it fails for good', () => {
    const poisonous = fruitless(policy.poisonAfterTakeOvers, true)
    const { state, decision } = step(poisonous, { ...claim, alone: true }, poisonous.leaseExpiresAt ?? 0)
    expect(refusal(decision)).toBe('poisonous')
    expect(state).toMatchObject({ status: 'failed', retryable: false, error: { code: 'poisonous_task' } })
  })

  it('but not where its last claim was not alone: others may have ended that one', () => {
    const suspect = fruitless(policy.poisonAfterTakeOvers, true)
    const fencingToken = suspect.fencingToken ?? ''
    const released = step(suspect, { from: 'processor', status: 'released', attempt: 1, fencingToken }, 9000).state
    const again = step(released, claim, 10_000).state
    expect(again).toMatchObject({ takeOvers: policy.poisonAfterTakeOvers, claim: { alone: false } })

    const end = again.leaseExpiresAt ?? 0
    expect(refusal(step(again, claim, end).decision)).toBe('claim_alone')
    expect(step(again, { ...claim, alone: true }, end).state.status).toBe('queued')
  })

  it.each([
    ['a begin', begin()],
    ['a look at a run that is alive', null],
  ])('%s clears the suspicion', (_name, request) => {
    const suspect = fruitless(policy.suspectAfterTakeOvers, false)
    const cleared = request ?? {
      from: 'processor' as const,
      status: 'running' as const,
      attempt: 1,
      fencingToken: suspect.fencingToken ?? '',
    }
    expect(suspect.takeOvers).toBe(policy.suspectAfterTakeOvers)
    expect(step(suspect, cleared, 10).state.takeOvers).toBe(0)
  })

  it('a new attempt starts with a clean record', () => {
    const suspect = fruitless(policy.suspectAfterTakeOvers, false)
    const fencingToken = suspect.fencingToken ?? ''
    const released = step(suspect, { from: 'processor', status: 'released', attempt: 1, fencingToken }, 2000).state
    const again = step(released, claim, 3000).state
    const over = step(again, { ...failed(), runId: 'run-late' }, 3001).state
    expect(step(over, claim, 9000).state).toMatchObject({ takeOvers: 0, releases: 0 })
  })

  it('take-overs of a begun run are not counted', () => {
    const { state } = step(rows.begun, claim, rows.begun.leaseExpiresAt ?? 0)
    expect(state.takeOvers).toBe(0)
  })
})
