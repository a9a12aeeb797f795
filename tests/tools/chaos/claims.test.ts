import { describe, expect, it } from 'vitest'
import type { Exchange } from '@/tools/chaos/system/fault-proxy.js'
import type { InflictedFault } from '@/tools/chaos/system/injector.js'
import { claimsOf, judgeClaims } from '@/tools/chaos/witnesses/claims.js'
import { event, goodHistory, task } from './history.js'

const PATH = '/api/fangzhouVideoGeneration/claimTasks'

/** A claim at second 1, of which the claimer is told at 1.5. */
function exchange(given: Partial<Exchange> = {}): Exchange {
  const answered = { claimed: true, tasks: [{ id: '7' }] }
  const times = { sentAt: 900, answeredAt: 1500 }
  return { path: PATH, asked: { claimId: 'claim-id-1' }, status: 200, answered, delivered: true, ...times, ...given }
}

function judge(exchanges: Exchange[], { faults = [] as InflictedFault[], later = goodHistory().slice(1) } = {}) {
  const claim = event({ type: 'queued', at: 1, fencingToken: 'claim-id-1.0', claimId: 'claim-id-1' })
  return judgeClaims([task([claim, ...later])], claimsOf([{ exchanges }], faults)).map(({ what }) => what)
}

const NEVER_TOLD = ['was claimed under claim-id-1, and its claimer was never told']
const kill = (index: number, endedAt: number): InflictedFault => ({
  ...{ kind: 'daemon-kill', description: '', startedAt: endedAt - 1, hits: 1 },
  ...{ index, endedAt },
})

describe('of a claim in a batch', () => {
  it('the claimer was told, at once or when it asked again', () => {
    expect(judge([exchange()])).toEqual([])
    expect(judge([exchange({ delivered: false }), exchange({ answeredAt: 9000 })])).toEqual([])
  })

  it('the claimer was never told: its answer was lost, or named other tasks', () => {
    expect(judge([exchange({ delivered: false })])).toEqual(NEVER_TOLD)
    expect(judge([exchange({ answered: { claimed: true, tasks: [] } })])).toEqual(NEVER_TOLD)
    expect(judge([exchange({ path: PATH.replace('fangzhou', 'other') })])).toEqual(NEVER_TOLD)
    expect(judge([])).toEqual(NEVER_TOLD)
  })

  it('an answer need not name a task that something has moved before', () => {
    const answered = { claimed: true, tasks: [] }
    expect(judge([exchange({ answered, answeredAt: 2500 })])).toEqual([])
  })

  it('a claimer that was killed learns of nothing', () => {
    const lost = [exchange({ delivered: false })]
    expect(judge(lost, { faults: [kill(0, 5000)] })).toEqual([])
    expect(judge(lost, { faults: [kill(1, 5000)] })).toEqual(NEVER_TOLD)
    expect(judge(lost, { faults: [kill(0, 500)] })).toEqual(NEVER_TOLD)
  })
})
