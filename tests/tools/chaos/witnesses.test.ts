import { describe, expect, it } from 'vitest'
import { percentile, recoverySeconds } from '@/tools/chaos/recovery.js'
import { isClean, summarize } from '@/tools/chaos/report.js'
import { judgeCreates, markOf } from '@/tools/chaos/witnesses/ark.js'
import { judgeEndings } from '@/tools/chaos/witnesses/endings.js'
import { judgeExecutions } from '@/tools/chaos/witnesses/temporal.js'
import { event, goodHistory, task } from './history.js'

const done = task(goodHistory())
const create = (attempt: number, acceptedAt: number, status = 'succeeded') => ({
  id: `cgt-${attempt}`,
  seed: markOf(done, attempt),
  status,
  acceptedAt,
})

describe('creates at Ark', () => {
  it('are in order where each follows one that had failed', () => {
    expect(judgeCreates([done], [create(1, 0, 'failed'), create(2, 10_000)])).toEqual([])
  })

  it.each([
    ['beside one that succeeded', [create(1, 0), create(2, 60_000)]],
    ['while another, which failed later, was running', [create(1, 0, 'failed'), create(2, 100)]],
    ['of no attempt', [create(1, 0), { ...create(1, 0), seed: 12345 }]],
  ])('are told of: one %s', (_, creates) => {
    expect(judgeCreates([done], creates)).toEqual([expect.objectContaining({ counts: 'duplicateProviderCreates' })])
  })

  it('are missed where a video is completed without one', () => {
    expect(judgeCreates([done], [create(1, 0, 'failed')])).toEqual([expect.objectContaining({ counts: 'lost' })])
  })
})

describe('executions', () => {
  const execution = (workflowId: string, runId: string) => ({ workflowId, runId })

  it('are in order: one for each attempt', () => {
    expect(judgeExecutions([execution('video:7:key:1', 'a'), execution('video:7:key:2', 'b')])).toEqual([])
  })

  it.each([
    ['of one workflow id', 'video:7:key:1'],
    ['of one attempt under another id', 'video:7:other:1'],
  ])('are told of: two %s', (_, second) => {
    expect(judgeExecutions([execution('video:7:key:1', 'a'), execution(second, 'b')])).toEqual([
      expect.objectContaining({ counts: 'duplicateStarts' }),
    ])
  })
})

describe('endings', () => {
  const created = { kind: 'video', marker: 'chaos-1-7', taskKey: 'key', refused: false, request: {}, atMs: 0 } as const

  it('are in order: completed, or failed where the provider was told to refuse', () => {
    const refusedForGood = task([], { status: 'failed', state: { ...done.state, retryable: false } })
    expect(judgeEndings([created], [created], [done])).toEqual([])
    expect(judgeEndings([{ ...created, refused: true }], [created], [refusedForGood])).toEqual([])
  })

  it.each([
    ['a row that is missing', [], 'video key'],
    ['a task that is under way', [task(goodHistory().slice(0, 3))]],
    ['a failed task with attempts left', [task([], { status: 'failed' })]],
    ['a failure that nobody asked for', [task([], { status: 'failed', state: { ...done.state, retryable: false } })]],
  ])('are told of: %s', (_, stored, name = 'video key') => {
    expect(judgeEndings([created], [created], stored)).toEqual([
      expect.objectContaining({ counts: 'lost', task: name }),
    ])
  })

  it('are told of: a task that nobody asked for', () => {
    expect(judgeEndings([], [created], [done])).toHaveLength(1)
  })

  it('are told of: a task that was asked for once and made twice', () => {
    expect(judgeEndings([created], [created], [done, { ...done, id: '8', taskKey: 'other' }])).toEqual([
      { counts: 'lost', task: 'video other', what: 'is there beside the one that was asked for' },
    ])
  })

  it('are told of: a task that is completed though it had to be refused', () => {
    expect(judgeEndings([{ ...created, refused: true }], [created], [done])).toHaveLength(1)
  })
})

describe('the summary', () => {
  it('measures recovery from a fault to the next completion, and only where there is one', () => {
    const completions = [4, 9].map((at) => ({ events: [event({ type: 'completed', at })] }))
    expect(recoverySeconds([{ endedAt: 1000 }, { endedAt: 5000 }, { endedAt: 9500 }], completions)).toEqual([3, 4])
    expect(percentile([3, 1, 2], 0.5)).toBe(2)
    expect(percentile([3, 1, 2], 1)).toBe(3)
    expect(percentile([], 0.5)).toBeNull()
  })

  it.each(['lost', 'duplicateStarts', 'duplicateProviderCreates', 'staleWritesAccepted'] as const)(
    'is not clean where something counts as %s',
    (counts) => {
      expect(isClean(summarize([done], [], []))).toBe(true)
      const summary = summarize([done], [], [{ counts, task: 'video 7', what: 'x' }])
      expect(summary[counts]).toBe(1)
      expect(isClean(summary)).toBe(false)
    },
  )
})
