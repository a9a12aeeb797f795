/** The judge of the money run, tried on made-up evidence: each thing that must not happen is found, and named. */
import { describe, expect, it } from 'vitest'
import type { AcceptedCreate } from './ark-log.js'
import { compareBills } from './bill.js'
import { type Evidence, judge, markOf } from './judge.js'
import type { StoredEvent, StoredVideo } from './stored-videos.js'

const KEY = 'key'

function create(given: Partial<AcceptedCreate> & { attempt?: number } = {}): AcceptedCreate {
  const { attempt = 1, ...others } = given
  const acceptedAt = others.acceptedAt ?? attempt * 10_000
  return {
    id: `cgt-${attempt}`,
    seed: markOf(KEY, attempt),
    acceptedAt,
    endsAt: acceptedAt + 800,
    succeeds: true,
    tokens: 4800,
    ...others,
  }
}

const begun = (attempt: number): StoredEvent => ({
  type: 'begun',
  attempt,
  at: attempt * 10 - 1,
  intent: { attempt, at: attempt * 10 - 1 },
})
const processing = (attempt: number, of = attempt): StoredEvent => ({
  type: 'processing',
  attempt,
  at: attempt * 10 + 1,
  providerTask: { id: `cgt-${of}`, attempt: of },
})
const ended = (type: 'completed' | 'failed', attempt: number): StoredEvent => ({ type, attempt, at: attempt * 10 + 2 })

function video(events: StoredEvent[], given: Partial<StoredVideo> = {}): StoredVideo {
  const last = events.at(-1)
  const attempts = events.filter(({ type }) => type === 'completed' || type === 'failed').length
  const result = { providerTaskId: `cgt-${last?.attempt}`, video: { key: `video-${KEY}-${last?.attempt}.mp4` } }
  return {
    id: '7',
    taskKey: KEY,
    prompt: 'a video',
    status: last?.type ?? 'pending',
    attempts,
    attemptLimit: 5,
    retryable: true,
    error: null,
    result: last?.type === 'completed' ? result : null,
    charges: {},
    events,
    ...given,
  }
}

const completed = video([begun(1), processing(1), ended('completed', 1)])
const good: Evidence = { asked: [KEY], videos: [completed], creates: [create()], objects: [`video-${KEY}-1.mp4`] }
/** The first attempt's run was terminated before it could tell what it had created. */
const resumed = video([begun(1), ended('failed', 1), begun(2), processing(2, 1), ended('completed', 2)], {
  result: { providerTaskId: 'cgt-1', video: { key: `video-${KEY}-2.mp4` } },
})
const createdAgain = video([begun(1), ended('failed', 1), begun(2), processing(2), ended('completed', 2)])
const second = { objects: [`video-${KEY}-2.mp4`] }

describe('in order is', () => {
  it('a video that was made, collected and stored', () => {
    expect(judge(good)).toEqual({ findings: [], attemptsThatCreated: 1, endedUnseen: 0 })
  })

  it('a task that was refused, and created nothing', () => {
    const refused = video([begun(1), ended('failed', 1)], { retryable: false })
    expect(judge({ asked: [KEY], videos: [refused], creates: [], objects: [] })).toEqual({
      findings: [],
      attemptsThatCreated: 0,
      endedUnseen: 0,
    })
  })

  it('a second attempt that collects what the first had created', () => {
    expect(judge({ ...good, ...second, videos: [resumed] })).toEqual({
      findings: [],
      attemptsThatCreated: 1,
      endedUnseen: 0,
    })
  })

  it.each([
    ['failed', { succeeds: false }],
    ['vanished at the provider', { vanishedAt: 15_000 }],
  ])('a second create after one that had %s, and that nobody saw', (_, first) => {
    const evidence = { ...good, ...second, videos: [createdAgain], creates: [create(first), create({ attempt: 2 })] }
    expect(judge(evidence)).toEqual({ findings: [], attemptsThatCreated: 1, endedUnseen: 1 })
  })
})

describe('found is', () => {
  const again = { ...good, ...second, videos: [createdAgain] }
  const unannounced = video([{ ...begun(1), intent: null }, processing(1), ended('completed', 1)])
  const announcedLate = video([{ ...begun(1), at: 10.5 }, processing(1), ended('completed', 1)])

  it.each<[string, string, Partial<Evidence>]>([
    ['duplicate', 'video 7, attempt 1: cgt-b has the same mark', { creates: [create(), create({ id: 'cgt-b' })] }],
    ['duplicate', 'mark 12345, which is no attempt', { creates: [create(), create({ id: 'cgt-b', seed: 12345 })] }],
    [
      'duplicate',
      'attempt 2: cgt-2 was created beside cgt-1',
      { ...again, creates: [create(), create({ attempt: 2 })] },
    ],
    ['unannounced', 'video 7, attempt 1: cgt-1', { videos: [unannounced] }],
    ['unannounced', 'video 7, attempt 1: cgt-1', { videos: [announcedLate] }],
    ['unaccounted', 'main says nothing of it', { ...again, creates: [create(), create({ attempt: 2 })] }],
    ['unaccounted', 'video 7, attempt 1: main says that it created cgt-1, which', { creates: [] }],
    ['abandoned', 'attempt 1: cgt-1 was still under way', { creates: [create({ endsAt: 99_000 })] }],
    ['abandoned', 'attempt 1: cgt-1 was created after its task', { creates: [create({ acceptedAt: 60_000 })] }],
    [
      'abandoned',
      'cgt-1 made a video that nobody collected',
      { ...again, creates: [create(), create({ attempt: 2 })] },
    ],
    ['lost', 'video other: was asked for, and is not there', { asked: [KEY, 'other'] }],
    ['lost', 'is not final', { videos: [video([begun(1), processing(1)])], objects: [] }],
    ['lost', 'video 7, completed after 1 attempts: its objects are none', { objects: [] }],
    ['lost', 'its objects are', { objects: [`video-${KEY}-1.mp4`, `video-${KEY}-1.webm`] }],
    ['lost', 'video-other-1.mp4 is no task', { objects: [`video-${KEY}-1.mp4`, 'video-other-1.mp4'] }],
  ])('%s: %s', (kind, what, evidence) => {
    const found = judge({ ...good, ...evidence }).findings
    expect(found).toContainEqual({ kind, what: expect.stringContaining(what) })
  })
})

describe('the bill', () => {
  const charged = (amount: number, basis = 'usage', attempt = 1): StoredVideo => ({
    ...completed,
    charges: { [attempt]: { attempt, amount, basis } },
  })
  const findings = (video: StoredVideo, creates: AcceptedCreate[]) =>
    compareBills([video], creates).findings.map(({ what }) => what)

  it('is what main says', () => {
    expect(compareBills([charged(72_000)], [create()])).toEqual({
      ...{ findings: [], billed: 72_000, billedUnknown: 0, charged: 72_000, chargedVanished: 0, ambiguous: 0 },
    })
    expect(findings(charged(0), [create({ succeeds: false })])).toEqual([])
  })

  it('differs: a charge of what was not made, or not of that much', () => {
    expect(findings(charged(72_001), [create()])).toEqual([
      expect.stringContaining('is billed 72000, and main says 72001'),
    ])
    expect(findings(charged(123_457, 'create'), [create()])).toHaveLength(1)
    expect(findings(charged(72_000), [create({ succeeds: false })])).toHaveLength(1)
    expect(findings(charged(72_000), [])).toHaveLength(1)
  })

  it('explains what main cannot know', () => {
    expect(compareBills([charged(123_457, 'create')], [create({ vanishedAt: 11_000 })])).toMatchObject({
      ...{ findings: [], billed: 72_000, billedUnknown: 72_000, charged: 123_457, chargedVanished: 123_457 },
    })
    expect(compareBills([charged(123_457, 'ambiguous')], [create()])).toMatchObject({
      ...{ findings: [], billed: 72_000, billedUnknown: 72_000, charged: 0, ambiguous: 123_457 },
    })
  })
})
