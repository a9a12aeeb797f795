import { describe, expect, it } from 'vitest'
import type { StoredEvent } from '@/tools/chaos/witnesses/database.js'
import { judgeEvents } from '@/tools/chaos/witnesses/event-table.js'
import { event, goodHistory, task } from './history.js'

const [claim, begun, processing, completed] = goodHistory()
const failed = event({
  type: 'failed',
  at: 4,
  fencingToken: 'failed-1',
  runId: 'run-1',
  dueAt: 10,
  retryable: true,
})
const secondClaim = event({
  type: 'queued',
  attempt: 2,
  at: 11,
  fencingToken: 'claim-2',
  supersedes: 'failed-1',
  leaseExpiresAt: 26,
})

function judge(events: StoredEvent[], given?: Parameters<typeof task>[1]): string[] {
  return judgeEvents(task(events, given)).violations.map(({ counts, what }) => `${counts}: ${what}`)
}

describe('the event table speaks for', () => {
  it.each([
    ['a task that went well', goodHistory()],
    ['a second attempt', [claim, begun, processing, failed, secondClaim]],
    ['a take-over after the lease', [claim, { ...claim, at: 16, supersedes: 'claim-1', fencingToken: 'claim-1b' }]],
    [
      'a claim that was released',
      [
        claim,
        event({ type: 'released', at: 2, fencingToken: 'released', dueAt: 5 }),
        { ...claim, at: 5, supersedes: 'released' },
      ],
    ],
    [
      'a run whose claim was released, and that is adopted before it is due',
      [
        claim,
        event({ type: 'released', at: 2, fencingToken: 'released', dueAt: 5 }),
        { ...claim, at: 3, supersedes: null, adopted: true },
        { ...begun, at: 3 },
      ],
    ],
  ])('%s', (_, events) => {
    expect(judge(events)).toEqual([])
  })
})

describe('the event table tells of', () => {
  it.each<[string, StoredEvent[], RegExp]>([
    ['an outcome of a task that is over', [...goodHistory(), { ...failed, at: 5, attempt: 2 }], /while completed/],
    [
      'an attempt that goes back',
      [claim, begun, processing, failed, { ...secondClaim, attempt: 1 }],
      /attempt 2 was the current/,
    ],
    ['a claim before the lease is over', [claim, { ...claim, at: 15, supersedes: 'claim-1' }], /lease was not over/],
    ['a claim before the back-off is over', [claim, begun, processing, failed, { ...secondClaim, at: 9 }], /not due/],
    [
      'a claim after a final failure',
      [claim, begun, processing, { ...failed, retryable: false }, secondClaim],
      /failed for good/,
    ],
    [
      'two claims that supersede the same token',
      [claim, { ...claim, at: 16, supersedes: '', fencingToken: 'claim-1b' }],
      /another claim had superseded/,
    ],
    [
      'a claim that supersedes a token which was not the current one',
      [claim, begun, { ...claim, at: 18, supersedes: 'claim-1' }],
      /the row's token was begun-1/,
    ],
    ['an outcome of another run', [claim, begun, processing, { ...completed, runId: 'run-2' }], /is run-1's/],
    ['an outcome of a run that never began', [claim, { ...failed, runId: 'run-2' }], /is null's/],
    ['two runs of one attempt', [claim, begun, { ...begun, runId: 'run-2' }], /begun by run-1 and by run-2/],
  ])('%s', (_, events, what) => {
    expect(judge(events).join('\n')).toMatch(what)
  })

  it.each([
    ['status', { status: 'processing' }],
    ['attempts', { attempts: 2 }],
  ])('a row whose %s does not follow from its events', (field, given) => {
    expect(judge(goodHistory(), given).join('\n')).toContain(`the row's ${field}`)
  })

  it('counts two runs as a start, everything else as a stale write', () => {
    expect(judge([claim, begun, { ...begun, runId: 'run-2' }])).toEqual([expect.stringMatching(/^duplicateStarts: /)])
    expect(judge([claim, { ...claim, at: 15, supersedes: 'claim-1' }])).toEqual([
      expect.stringMatching(/^staleWritesAccepted: /),
    ])
  })
})
