/** What runs report, and what main answers and remembers. One file, as they share the rows. */
import { describe, expect, it } from 'vitest'
import { type TaskState, uncheckedSince } from '@/protocol/index.js'
import {
  asked,
  BUSY,
  begin,
  cancel,
  claim,
  completed,
  eventTypes,
  failed,
  OTHER_RUN,
  policy,
  processing,
  RUN,
  reach,
  refusal,
  resumed,
  rows,
  step,
  waiting,
} from './support.js'

const NOW = 5000

describe('begin', () => {
  it('writes down the run and its create intent, and changes the token', () => {
    const { state } = step(rows.queued, begin(), NOW)
    expect(state).toMatchObject({ status: 'queued', runId: RUN, openIntents: [{ attempt: 1, at: NOW }] })
    expect(state.fencingToken).not.toBe(rows.queued.fencingToken)
  })

  it('writes no intent for a run that creates nothing', () => {
    expect(step(rows.queued, { ...begin(), createIntent: false }, NOW).state.openIntents).toEqual([])
  })

  it('learns what earlier attempts left at the provider', () => {
    const second = step(rows.failed, claim, rows.failed.dueAt).state
    const { decision } = step(second, begin(2), rows.failed.dueAt + 1)
    expect(decision.answer).toEqual({ ok: true, begin: { openIntents: [{ attempt: 1, at: expect.any(Number) }] } })
  })

  it('learns of a provider task that may still be running', () => {
    const state = reach(claim, begin(), processing(), failed())
    const second = step(state, claim, state.dueAt).state
    const { decision } = step(second, begin(2), state.dueAt + 1)
    expect(decision.answer).toEqual({
      ok: true,
      begin: { providerTask: { id: 'cgt-1', attempt: 1 }, openIntents: [] },
    })
  })

  it('does not learn of one that ended there', () => {
    const state = reach(claim, begin(), processing(), { ...failed(), providerEnded: true })
    const second = step(state, claim, state.dueAt).state
    expect(step(second, begin(2), state.dueAt + 1).decision.answer).toEqual({ ok: true, begin: { openIntents: [] } })
  })
})

describe('outcomes', () => {
  it('a result is kept, and the attempt counted once', () => {
    expect(rows.completed).toMatchObject({ status: 'completed', attempts: 1, result: { url: 'u' }, error: null })
    expect(rows.completed.openIntents).toEqual([])
  })

  it('a completion that overtook processing passes through it', () => {
    const { decision } = step(rows.begun, completed(), NOW)
    expect(eventTypes(decision)).toEqual(['processing', 'completed'])
  })

  it('a failure keeps its words and waits, by exponential back-off', () => {
    const first = step(rows.begun, failed(), NOW).state
    expect(first).toMatchObject({ status: 'failed', attempts: 1, error: { code: 'overloaded', message: 'try later' } })
    expect(first.dueAt - NOW).toBe(3.75)
    const second = step(step(first, claim, NOW + 10).state, failed(2), NOW + 10).state
    expect(second.dueAt - NOW - 10).toBe(7.5)
  })

  it("a provider's own pause is waited out when it is longer", () => {
    const { state } = step(rows.begun, { ...failed(), retryAfterSeconds: 90 }, NOW)
    expect(state.dueAt).toBe(NOW + 90)
  })

  it('the back-off stays within its bound', () => {
    const old = { ...rows.begun, attempts: 40 }
    const { state } = step(old, failed(41), NOW)
    expect(state.dueAt - NOW).toBeLessThanOrEqual(policy.retryBackoff.max)
  })
})

describe('a create intent', () => {
  const OPEN = [{ attempt: 1, at: expect.any(Number) }]
  const second = (state: TaskState) => {
    const claimed = step(state, claim, state.dueAt).state
    return step(claimed, begin(2), state.dueAt + 1).decision.answer
  }

  it('stays open while the provider is asked, and is accounted for by the task that it names', () => {
    expect(step(rows.begun, asked(), NOW).state).toMatchObject({ status: 'processing', openIntents: OPEN })
    expect(step(rows.begun, processing(), NOW).state).toMatchObject({ status: 'processing', openIntents: [] })
  })

  it('of a run that is lost while the provider is asked is known to the next attempt', () => {
    const state = reach(claim, begin(), asked())
    const lost = {
      from: 'processor' as const,
      status: 'failed' as const,
      attempt: 1,
      fencingToken: state.fencingToken ?? '',
      error: { code: 'workflow_lost', message: 'Temporal does not know it' },
      retryable: true,
    }
    expect(second(step(state, lost, NOW).state)).toMatchObject({ begin: { openIntents: OPEN } })
  })

  it('is closed by a result, and by a failure that leaves nothing at the provider', () => {
    const state = reach(claim, begin(), asked())
    expect(step(state, completed(), NOW).state.openIntents).toEqual([])
    const refused = step(state, { ...failed(), providerEnded: true }, NOW).state
    expect(second(refused)).toMatchObject({ begin: { openIntents: [] } })
    expect(second(step(state, failed(), NOW).state)).toMatchObject({ begin: { openIntents: OPEN } })
  })
})

describe('a run that waits', () => {
  const waits = step(rows.begun, waiting(), NOW).state

  it('tells why, since when and until when, and moves nothing', () => {
    expect(waits).toEqual({ ...rows.begun, waitingFor: { ...BUSY, since: NOW, nextTryAt: NOW + 60 } })
  })

  it('tells the same reason once, and another one anew', () => {
    expect(step(waits, waiting(), NOW + 60).decision).toEqual({ events: [], answer: { ok: true } })
    const other = step(waits, waiting(1, RUN, { code: 'NoAnswer', message: 'Gone' }), NOW + 60).state
    expect(other.waitingFor).toMatchObject({ code: 'NoAnswer', since: NOW + 60 })
  })

  it('has nothing to wait for once it goes on, and after any move', () => {
    expect(step(waits, resumed(), NOW + 1).state.waitingFor).toBeNull()
    expect(step(waits, asked(), NOW + 1).state.waitingFor).toBeNull()
    expect(step(waits, failed(), NOW + 1).state.waitingFor).toBeNull()
    expect(step(waits, cancel, NOW + 1).state.waitingFor).toBeNull()
  })

  it('is not believed of another run', () => {
    expect(refusal(step(rows.begun, waiting(1, OTHER_RUN), NOW).decision)).toBe('other_run')
    expect(refusal(step(rows.begun, resumed(1, OTHER_RUN), NOW).decision)).toBe('other_run')
  })
})

it('a row knows since when it has its status', () => {
  const at = (state: TaskState) => state.statusSince
  expect([at(rows.pending), at(step(rows.pending, claim, NOW).state)]).toEqual([undefined, NOW])
  expect(at(step(rows.queued, begin(), NOW).state)).toBe(rows.queued.statusSince)
  for (const request of [asked(), completed(), failed(), cancel])
    expect(at(step(rows.begun, request, NOW).state)).toBe(NOW)
  const released = {
    from: 'processor' as const,
    status: 'released' as const,
    attempt: 1,
    fencingToken: rows.queued.fencingToken ?? '',
  }
  expect(at(step(rows.queued, released, NOW).state)).toBe(NOW)
})

describe('adopt', () => {
  it('a run whose claim was released goes on', () => {
    const released = step(
      rows.queued,
      { from: 'processor', status: 'released', attempt: 1, fencingToken: rows.queued.fencingToken ?? '' },
      NOW,
    ).state
    const { state, decision } = step(released, begin(), NOW + 1)
    expect(eventTypes(decision)).toEqual(['queued', 'begun'])
    expect(state).toMatchObject({ status: 'queued', runId: RUN, startedAt: NOW + 1 })
  })

  it('and the released claim cannot be used against it', () => {
    const token = rows.queued.fencingToken ?? ''
    const released = step(
      rows.queued,
      { from: 'processor', status: 'released', attempt: 1, fencingToken: token },
      NOW,
    ).state
    const begun = step(released, begin(), NOW + 1).state
    const unstartable = {
      from: 'processor' as const,
      status: 'failed' as const,
      attempt: 1,
      fencingToken: token,
      error: { code: 'x', message: 'x' },
      retryable: true,
    }
    expect(refusal(step(begun, unstartable, NOW + 2).decision)).toBe('stale_token')
  })
})

describe('after main was restored from a backup', () => {
  it('a run of an attempt that main forgot is adopted, and no attempt number is used again', () => {
    const { state, decision } = step(rows.pending, processing(3), NOW)
    expect(eventTypes(decision)).toEqual(['restored', 'queued', 'processing'])
    expect(state).toMatchObject({ status: 'processing', attempts: 2, runId: RUN })
  })

  it('every attempt may have created something', () => {
    const { decision, state } = step(rows.pending, begin(3), NOW)
    expect(decision.answer).toEqual({
      ok: true,
      begin: { openIntents: [1, 2].map((attempt) => ({ attempt, at: NOW })) },
    })
    expect(state.openIntents.map((intent) => intent.attempt)).toContain(3)
  })

  it('also where the backup knows of one already', () => {
    const { decision } = step(rows.begun, begin(4, OTHER_RUN), NOW)
    expect(decision.answer).toMatchObject({ begin: { openIntents: [1, 2, 3].map((attempt) => ({ attempt })) } })
  })

  it.each([
    ['while a later one is under way', [processing(3)]],
    ['after a later one has failed', [processing(3), failed(3)]],
  ])('an attempt that was forgotten is over all the same, %s', (_when, reports) => {
    const state = reports.reduce((before, report) => step(before, report, NOW).state, rows.pending)
    for (const late of [failed(1), completed(1), processing(1), begin(1)]) {
      expect(refusal(step(state, late, NOW + 1).decision), late.status).toBe('wrong_attempt')
    }
  })

  it('what a run of the forgotten attempt asks for is known to the next one, as if its begin were', () => {
    const { state } = step(rows.pending, asked(), NOW)
    expect(state).toMatchObject({ status: 'processing', runId: RUN, openIntents: [{ attempt: 1, at: NOW }] })
    expect(step(rows.pending, processing(), NOW).state.openIntents).toEqual([])
  })

  it('what a run may have created whose begin was forgotten, and which failed, is known to the next one', () => {
    const { fencingToken } = rows.queued
    const { runId: seenRunId, ...verdict } = { ...failed(), fencingToken: fencingToken ?? '' }
    for (const report of [failed(), { ...verdict, from: 'processor' as const, seenRunId }]) {
      expect(step(rows.queued, report, 200).state.openIntents).toEqual([{ attempt: 1, at: 200 }])
    }
  })

  it('an attempt that was under way ends as lost in the restore', () => {
    const { state, decision } = step(rows.processing, completed(2, 'run-9'), NOW)
    expect(eventTypes(decision)).toEqual(['failed', 'restored', 'queued', 'processing', 'completed'])
    expect(state).toMatchObject({ status: 'completed', attempts: 2, outcomes: { 1: 'failed', 2: 'completed' } })
  })
})

describe('runs to check', () => {
  it('are those that work, longest unchecked first; a look counts', () => {
    const { processing: row } = rows
    expect(uncheckedSince(row)).toBe(row.startedAt)
    const looked = step(
      row,
      { from: 'processor', status: 'running', attempt: 1, fencingToken: row.fencingToken ?? '' },
      NOW,
    ).state
    expect(uncheckedSince(looked)).toBe(NOW)
  })

  it('and those of cancelled tasks, at once, until they are seen closed', () => {
    const { cancelled } = rows
    const fenced = { attempt: 1, fencingToken: cancelled.fencingToken ?? '' }
    const looked = step(cancelled, { from: 'processor', status: 'running', ...fenced }, NOW).state
    expect([uncheckedSince(cancelled), uncheckedSince(looked)]).toEqual([0, NOW])
    expect(uncheckedSince(step(looked, { from: 'processor', status: 'closed', ...fenced }, NOW).state)).toBeNull()
  })

  it.each(['pending', 'queued', 'failed', 'completed'] as const)('not those of a row that is %s', (row) => {
    expect(uncheckedSince(rows[row])).toBeNull()
  })

  it('a new attempt has not been checked', () => {
    const { processing: row } = rows
    const looked = step(
      row,
      { from: 'processor', status: 'running', attempt: 1, fencingToken: row.fencingToken ?? '' },
      NOW,
    ).state
    const again = step(step(looked, failed(), NOW).state, claim, NOW + 100).state
    expect(uncheckedSince(step(again, processing(2), NOW + 101).state)).toBe(NOW + 100)
  })
})

describe('operators', () => {
  it('a retry raises the limit and never resets the count', () => {
    const { state } = step(rows.exhausted, { from: 'operator', status: 'retry', by: 'ops', extraAttempts: 6 }, NOW)
    expect(state).toMatchObject({ attempts: 1, attemptLimit: 7, retryable: true, dueAt: NOW, status: 'failed' })
    expect(step(state, claim, NOW).decision.answer).toMatchObject({ claim: { attempt: 2 } })
  })

  it.each(['failed', 'exhausted'] as const)('a retry leaves a %s task the attempts that it had', (row) => {
    const { state } = step(rows[row], { from: 'operator', status: 'retry', by: 'ops', extraAttempts: 1 }, NOW)
    expect(state).toMatchObject({ attempts: 1, attemptLimit: policy.maxAttempts, retryable: true, dueAt: NOW })
  })

  it("an old run's outcome after a retry does not touch the new attempt", () => {
    const retried = step(rows.exhausted, { from: 'operator', status: 'retry', by: 'ops', extraAttempts: 2 }, NOW).state
    expect(refusal(step(retried, completed(1), NOW).decision)).toBe('wrong_attempt')
  })

  it('a cancelled task takes no more reports, and remembers a run that nobody saw end', () => {
    const cancelled = rows.cancelled
    expect(cancelled.runUnseen).toBe(true)
    expect(refusal(step(cancelled, completed(), NOW).decision)).toBe('wrong_status')
    const closed = {
      from: 'processor' as const,
      status: 'closed' as const,
      attempt: 1,
      fencingToken: cancelled.fencingToken ?? '',
    }
    expect(step(cancelled, closed, NOW).state.runUnseen).toBe(false)
  })

  it('a task cancelled while its begun run is between claims remembers that run', () => {
    const takenOver = step(rows.begun, claim, NOW).state
    const token = takenOver.fencingToken ?? ''
    const released = step(
      takenOver,
      { from: 'processor', status: 'released', attempt: 1, fencingToken: token },
      NOW,
    ).state
    expect(step(released, { from: 'operator', status: 'cancelled', by: 'app' }, NOW).state.runUnseen).toBe(true)
  })

  it('a task cancelled before its claim has no run to look for', () => {
    expect(step(rows.pending, { from: 'operator', status: 'cancelled', by: 'app' }, NOW).state.runUnseen).toBe(false)
  })
})
