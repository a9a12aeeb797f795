/** The rules, whoever asks for whatever of a task in whatever state. A table, which is as long as it has cells. */
import { describe, expect, it } from 'vitest'
import type { TaskRequest, TaskState } from '@/protocol/index.js'
import {
  asked,
  begin,
  cancel,
  claim,
  completed,
  eventTypes,
  failed,
  OTHER_RUN,
  processing,
  RUN,
  refusal,
  resumed,
  rows,
  step,
  waiting,
} from './support.js'

/** Every request against every kind of row: the events it creates, or the reason of its refusal. */
const NOW = 1_000_000

type Row = keyof typeof rows
type Expectation = string[] | string

const current = (state: TaskState) => ({ attempt: state.attempts + 1, fencingToken: state.fencingToken ?? 'none-yet' })

const requests: Record<string, (state: TaskState) => TaskRequest> = {
  claim: () => claim,
  begin: (state) => begin(state.attempts + 1),
  'begin by another run': (state) => begin(state.attempts + 1, OTHER_RUN),
  processing: (state) => processing(state.attempts + 1),
  'processing, with no task': (state) => asked(state.attempts + 1),
  waiting: (state) => waiting(state.attempts + 1),
  resumed: (state) => resumed(state.attempts + 1),
  completed: (state) => completed(state.attempts + 1),
  failed: (state) => failed(state.attempts + 1),
  'begin of an attempt before': (state) => begin(state.attempts),
  'processing by another run': (state) => processing(state.attempts + 1, OTHER_RUN),
  'waiting by another run': (state) => waiting(state.attempts + 1, OTHER_RUN),
  'completed by another run': (state) => completed(state.attempts + 1, OTHER_RUN),
  'failed by another run': (state) => failed(state.attempts + 1, OTHER_RUN),
  'failed of an attempt before': (state) => failed(state.attempts - 1),
  released: (state) => ({ from: 'processor', status: 'released', ...current(state) }),
  'verdict completed': (state) => ({ from: 'processor', status: 'completed', result: 1, ...current(state) }),
  'verdict failed': (state) => ({
    from: 'processor',
    status: 'failed',
    error: { code: 'workflow_lost', message: 'gone' },
    retryable: true,
    ...current(state),
  }),
  'verdict running': (state) => ({ from: 'processor', status: 'running', ...current(state) }),
  'verdict closed': (state) => ({ from: 'processor', status: 'closed', ...current(state) }),
  cancel: () => cancel,
  retry: () => ({ from: 'operator', status: 'retry', by: 'ops', extraAttempts: 2 }),
  'let through': () => ({ from: 'operator', status: 'letThrough', by: 'ops', reason: 'urgent' }),
}

const adopted = ['queued']
const expectations: Record<keyof typeof requests, Record<Row, Expectation>> = {
  claim: {
    pending: ['queued'],
    queued: ['queued'],
    begun: ['queued'],
    processing: 'wrong_status',
    completed: 'wrong_status',
    failed: ['queued'],
    exhausted: 'attempts_used_up',
    cancelled: 'wrong_status',
  },
  begin: {
    pending: [...adopted, 'begun'],
    queued: ['begun'],
    begun: [],
    processing: [],
    completed: 'wrong_status',
    failed: ['restored', 'queued', 'begun'],
    exhausted: ['restored', 'queued', 'begun'],
    cancelled: 'wrong_status',
  },
  'begin by another run': {
    pending: [...adopted, 'begun'],
    queued: ['begun'],
    begun: 'other_run',
    processing: 'other_run',
    completed: 'wrong_status',
    failed: ['restored', 'queued', 'begun'],
    exhausted: ['restored', 'queued', 'begun'],
    cancelled: 'wrong_status',
  },
  processing: {
    pending: [...adopted, 'processing'],
    queued: ['processing'],
    begun: ['processing'],
    processing: [],
    completed: 'wrong_status',
    failed: ['restored', 'queued', 'processing'],
    exhausted: ['restored', 'queued', 'processing'],
    cancelled: 'wrong_status',
  },
  'processing, with no task': {
    pending: [...adopted, 'processing'],
    queued: ['processing'],
    begun: ['processing'],
    processing: [],
    completed: 'wrong_status',
    failed: ['restored', 'queued', 'processing'],
    exhausted: ['restored', 'queued', 'processing'],
    cancelled: 'wrong_status',
  },
  waiting: {
    pending: [...adopted, 'waiting'],
    queued: ['waiting'],
    begun: ['waiting'],
    processing: ['waiting'],
    completed: 'wrong_status',
    failed: ['restored', 'queued', 'waiting'],
    exhausted: ['restored', 'queued', 'waiting'],
    cancelled: 'wrong_status',
  },
  resumed: {
    pending: adopted,
    queued: [],
    begun: [],
    processing: [],
    completed: 'wrong_status',
    failed: ['restored', 'queued'],
    exhausted: ['restored', 'queued'],
    cancelled: 'wrong_status',
  },
  completed: {
    pending: [...adopted, 'processing', 'completed'],
    queued: ['processing', 'completed'],
    begun: ['processing', 'completed'],
    processing: ['completed'],
    completed: 'wrong_status',
    failed: ['restored', 'queued', 'processing', 'completed'],
    exhausted: ['restored', 'queued', 'processing', 'completed'],
    cancelled: 'wrong_status',
  },
  failed: {
    pending: [...adopted, 'failed'],
    queued: ['failed'],
    begun: ['failed'],
    processing: ['failed'],
    completed: 'wrong_status',
    failed: ['restored', 'queued', 'failed'],
    exhausted: ['restored', 'queued', 'failed'],
    cancelled: 'wrong_status',
  },
  'begin of an attempt before': {
    pending: 'wrong_attempt',
    queued: 'wrong_attempt',
    begun: 'wrong_attempt',
    processing: 'wrong_attempt',
    completed: 'wrong_status',
    failed: 'wrong_attempt',
    exhausted: 'wrong_attempt',
    cancelled: 'wrong_status',
  },
  'processing by another run': byAnotherRun('processing'),
  'waiting by another run': byAnotherRun('waiting'),
  'completed by another run': byAnotherRun('processing', 'completed'),
  'failed by another run': byAnotherRun('failed'),
  'failed of an attempt before': everywhere('wrong_attempt', { completed: 'wrong_status', cancelled: 'wrong_status' }),
  released: everywhere('wrong_status', { pending: 'stale_token', queued: ['released'], begun: ['released'] }),
  'verdict completed': everywhere('wrong_status', {
    pending: 'stale_token',
    queued: ['processing', 'completed'],
    begun: ['processing', 'completed'],
    processing: ['completed'],
  }),
  'verdict failed': everywhere('wrong_status', {
    pending: 'stale_token',
    queued: ['failed'],
    begun: ['failed'],
    processing: ['failed'],
  }),
  'verdict running': everywhere('wrong_status', {
    pending: 'stale_token',
    queued: ['checked'],
    begun: ['checked'],
    processing: ['checked'],
    cancelled: ['checked'],
  }),
  'verdict closed': everywhere('wrong_status', { pending: 'stale_token', cancelled: ['runClosed'] }),
  cancel: everywhere(['cancelled'], {
    completed: 'wrong_status',
    exhausted: 'wrong_status',
    cancelled: 'wrong_status',
  }),
  retry: everywhere('wrong_status', { failed: ['retried'], exhausted: ['retried'] }),
  'let through': everywhere('wrong_status', { pending: ['letThrough'], failed: ['letThrough'] }),
}

function everywhere(most: Expectation, except: Partial<Record<Row, Expectation>>): Record<Row, Expectation> {
  const all = Object.keys(rows).map((row) => [row, except[row as Row] ?? most] as const)
  return Object.fromEntries(all) as Record<Row, Expectation>
}

/** Where the row knows the attempt's run, no other may say anything. */
function byAnotherRun(...events: string[]): Record<Row, Expectation> {
  return {
    pending: [...adopted, ...events],
    queued: events,
    begun: 'other_run',
    processing: 'other_run',
    completed: 'wrong_status',
    failed: ['restored', 'queued', ...events],
    exhausted: ['restored', 'queued', ...events],
    cancelled: 'wrong_status',
  }
}

describe.each(Object.keys(requests))('%s', (name) => {
  it.each(Object.keys(rows) as Row[])('on a row that is %s', (row) => {
    const expected = expectations[name]?.[row]
    const request = requests[name]?.(rows[row])
    if (!request || expected === undefined) throw new Error(`no expectation for ${name} on ${row}`)

    const { decision } = step(rows[row], request, NOW)

    expect(decision.answer.ok ? eventTypes(decision) : refusal(decision)).toEqual(expected)
  })
})

describe('refusals', () => {
  it('say what cannot happen, and from where', () => {
    const { decision } = step(rows.processing, claim, NOW)
    expect(decision.answer).toEqual({
      ok: false,
      reason: 'wrong_status',
      error: 'Cannot transition to queued from processing',
    })
  })

  it.each(['released', 'running'] as const)('a stale token cannot report %s', (status) => {
    const { decision } = step(rows.queued, { from: 'processor', status, attempt: 1, fencingToken: 'stale-token' }, NOW)
    expect(refusal(decision)).toBe('stale_token')
    expect(decision.events).toEqual([])
  })

  it('a verdict about an attempt that is over', () => {
    const { decision } = step(
      rows.failed,
      { from: 'processor', status: 'running', attempt: 1, fencingToken: rows.failed.fencingToken ?? '' },
      NOW,
    )
    expect(refusal(decision)).toBe('wrong_attempt')
  })
})

describe('the same again', () => {
  it.each([
    ['completed', rows.completed, completed()],
    ['failed', rows.failed, failed()],
    [
      'completed as a verdict',
      rows.completed,
      { from: 'processor', status: 'completed', result: 1, attempt: 1, fencingToken: 'old-token' },
    ],
  ] as const)('an outcome that already stands is accepted and changes nothing: %s', (_name, row, request) => {
    const { decision } = step(row, request, NOW)
    expect(decision).toEqual({ events: [], answer: { ok: true } })
  })

  it('the other outcome of an ended attempt is refused', () => {
    expect(refusal(step(rows.completed, failed(), NOW).decision)).toBe('wrong_status')
    expect(refusal(step(rows.failed, completed(), NOW).decision)).toBe('wrong_attempt')
  })

  it('processing with the same provider task is accepted once more, with another it is refused', () => {
    const other = { ...processing(), providerTask: { id: 'cgt-2', attempt: 1 } }
    expect(step(rows.processing, processing(), NOW).decision).toEqual({ events: [], answer: { ok: true } })
    expect(refusal(step(rows.processing, other, NOW).decision)).toBe('other_provider_task')
  })

  it('a begin of the same run gets the same answer', () => {
    const first = step(rows.queued, begin(1, RUN), NOW)
    const second = step(first.state, begin(1, RUN), NOW + 1)
    expect(second.decision.events).toEqual([])
    expect(second.decision.answer).toEqual(first.decision.answer)
  })
})
