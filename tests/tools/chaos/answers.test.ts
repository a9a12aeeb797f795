import { describe, expect, it } from 'vitest'
import type { Exchange } from '@/tools/chaos/system/fault-proxy.js'
import { acceptedReports, judgeAnswers } from '@/tools/chaos/witnesses/answers.js'
import { judgeEvents } from '@/tools/chaos/witnesses/event-table.js'
import { event, goodHistory, task } from './history.js'

const PATH = '/api/fangzhouVideoGeneration/reportFangzhouVideoResult'

function exchange(asked: object, given: Partial<Exchange> = {}): Exchange {
  const asked7 = { apiCallId: '7', attempt: 1, ...asked }
  return {
    path: PATH,
    asked: asked7,
    status: 200,
    answered: { success: true },
    delivered: true,
    sentAt: 4100,
    answeredAt: 4200,
    ...given,
  }
}

function judge(
  asked: object,
  given: Partial<Exchange> = {},
  events = goodHistory() as ReturnType<typeof event>[],
  others: Exchange[] = [],
) {
  const stored = task(events)
  const reports = acceptedReports([exchange(asked, given), ...others]).get('fangzhouVideoGeneration:7') ?? []
  return judgeAnswers(stored, judgeEvents(stored).spans, reports).map(({ what }) => what)
}

describe('answers', () => {
  it('are in order where the token was the current one at some moment of the exchange', () => {
    expect(
      judge({ status: 'released', fencingToken: 'claim-1' }, { sentAt: 1400, answeredAt: 1600 }, [
        ...goodHistory().slice(0, 1),
        event({ type: 'released', at: 1.5, fencingToken: 'released-1' }),
      ]),
    ).toEqual([])
  })

  it('on a look are in order where the row notes it, or something has wiped the note out since', () => {
    const events = goodHistory().slice(0, 3)
    const looked = (given: ReturnType<typeof event>[], checkedAt: number | null) => {
      const stored = task(given)
      stored.state.checkedAt = checkedAt
      const look = exchange({ status: 'running', fencingToken: 'processing-1' }, { sentAt: 3400, answeredAt: 3600 })
      const reports = acceptedReports([look]).get('fangzhouVideoGeneration:7') ?? []
      return judgeAnswers(stored, judgeEvents(stored).spans, reports).map(({ what }) => what)
    }
    expect(looked(events, 3.5)).toEqual([])
    const cancelled = event({ type: 'cancelled', at: 5, fencingToken: 'cancelled-1' })
    expect(looked([...events, cancelled], null)).toEqual([])
    expect(looked(events, null)).toHaveLength(1)
    expect(looked(events, 1)).toHaveLength(1)
  })

  it('are in order where the same outcome was told again', () => {
    expect(judge({ status: 'completed', fencingToken: 'processing-1' })).toEqual([])
  })

  it('are in order where a stale report was refused', () => {
    expect(judge({ status: 'failed', fencingToken: 'claim-1' }, { status: 409 })).toEqual([])
  })

  it('are in order where the same outcome was stored by another while this one was under way', () => {
    const failed = event({ type: 'failed', at: 4, fencingToken: 'failed-1', runId: 'run-1' })
    const events = [...goodHistory().slice(0, 3), failed]
    const late = { status: 'failed', fencingToken: 'claim-1' }
    const while4 = { sentAt: 3900, answeredAt: 4100 }
    const byCurrentToken = exchange({ status: 'failed', fencingToken: 'processing-1' }, while4)
    expect(judge(late, while4, events, [byCurrentToken])).toEqual([])
    const byStaleToken = exchange({ status: 'failed', fencingToken: 'claim-1' }, while4)
    expect(judge(late, while4, events, [byStaleToken])).toHaveLength(2)
  })

  it('accept nothing by a token that had been superseded before', () => {
    const events = [
      ...goodHistory().slice(0, 3),
      event({ type: 'failed', at: 4, fencingToken: 'failed-1', runId: 'run-1' }),
    ]
    expect(judge({ status: 'failed', fencingToken: 'claim-1' }, { sentAt: 3900, answeredAt: 4100 }, events)).toEqual([
      expect.stringContaining("its token was not the row's"),
    ])
  })

  it.each([
    ['a claim', { status: 'queued', fencingToken: 'claim-9' }, { answered: { attempt: 1, fencingToken: 'claim-9' } }],
    ['a begin', { status: 'begin', runId: 'run-9' }, {}],
    ['an outcome', { status: 'failed', runId: 'run-1' }, {}],
  ])('say nothing is accepted that is not stored: %s', (_, asked, given) => {
    expect(judge(asked, given)).toEqual([expect.stringContaining('is not stored')])
  })

  it('are found by their task, and only where a report was accepted', () => {
    const claim = exchange({ status: 'queued' })
    const found = acceptedReports([claim, { ...claim, status: 409 }, { ...claim, path: '/api/x/other' }])
    expect([...found.keys()]).toEqual(['fangzhouVideoGeneration:7'])
    expect(found.get('fangzhouVideoGeneration:7')).toHaveLength(1)
  })
})
