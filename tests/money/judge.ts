/** What was paid for beside what main knows: the proof that no money is lost. */
import { createHash } from 'node:crypto'
import type { AcceptedCreate } from './ark-log.js'
import { isFinal, type StoredVideo } from './stored-videos.js'

export interface Evidence {
  /** The keys of the tasks that were asked for. */
  asked: readonly string[]
  videos: readonly StoredVideo[]
  creates: readonly AcceptedCreate[]
  /** The names of the objects in the storage. */
  objects: readonly string[]
}

/**
 * - `duplicate`: a mark that was accepted twice, one of no attempt, or a create while another of its task was under
 *   way or had succeeded
 * - `unannounced`: a create with no intent recorded before it
 * - `unaccounted`: what main says was created is not what the provider accepted
 * - `abandoned`: under way at the provider when its task was final, or a video that nobody collected
 * - `lost`: a task that is not there, not final, or whose stored object is not there; an object of no task
 * - `charged`: what main says that an attempt cost is not what the provider billed: see bill.ts
 */
export type FindingKind = 'duplicate' | 'unannounced' | 'unaccounted' | 'abandoned' | 'lost' | 'charged'

export interface Finding {
  kind: FindingKind
  /** As `video 17, attempt 2: …`. */
  what: string
}

export interface Verdict {
  findings: Finding[]
  /** Attempts that created something, as main tells it. */
  attemptsThatCreated: number
  /** Creates that main never heard of, as they ended with no video before anybody could look. */
  endedUnseen: number
}

/** A create with the task and attempt whose mark it carried. */
interface Traced extends AcceptedCreate {
  video: StoredVideo
  attempt: number
}

/**
 * The equation: creates that were accepted = attempts that created + creates that ended unseen.
 *
 * An attempt created something if a `processing` event, its own or a later attempt's, names a provider task as that
 * attempt's. Ended unseen has what ended without a video, or vanished at the provider, while no run of its task was
 * there to see it: the next attempt looked it up, found nothing to go on with, and went on without naming it.
 */
export function judge({ asked, videos, creates, objects }: Evidence): Verdict {
  const findings: Finding[] = []
  const find = (kind: FindingKind, video: StoredVideo, attempt: number, what: string) =>
    void findings.push({ kind, what: `${nameOf(video.id, attempt)}: ${what}` })

  const traced = traceMarks(videos, creates, findings)
  const named = namedTasks(videos)
  let endedUnseen = 0
  for (const create of traced) {
    const { id, video, attempt } = create
    if (!isAnnounced(create)) find('unannounced', video, attempt, `${id} was created without an intent before it`)
    const namedAs = named.get(id)
    if (namedAs === undefined && isWithoutVideo(create) && attempt < lastAttempt(video)) endedUnseen += 1
    else if (namedAs !== nameOf(video.id, attempt)) {
      find('unaccounted', video, attempt, `${id} was created, and main says ${namedAs ?? 'nothing of it'}`)
    }
    named.delete(id)
    const reason = whyAbandoned(create)
    if (reason) find('abandoned', video, attempt, `${id} ${reason}`)
  }
  for (const [id, by] of named) {
    findings.push({ kind: 'unaccounted', what: `${by}: main says that it created ${id}, which nobody did` })
  }
  findings.push(...duplicates(traced), ...lost(asked, videos, objects))
  return { findings, attemptsThatCreated: namedTasks(videos).size, endedUnseen }
}

/** The mark of an attempt: the first 31 bits of SHA-256 over task key and attempt. */
export function markOf(taskKey: string, attempt: number): number {
  return createHash('sha256').update(`${taskKey}:${attempt}`).digest().readUInt32BE(0) >>> 1
}

function traceMarks(videos: readonly StoredVideo[], creates: readonly AcceptedCreate[], findings: Finding[]): Traced[] {
  const owners = new Map<number, { video: StoredVideo; attempt: number }>()
  for (const video of videos) {
    for (let attempt = 1; attempt <= lastAttempt(video); attempt++) {
      owners.set(markOf(video.taskKey, attempt), { video, attempt })
    }
  }
  return creates.flatMap((create) => {
    const owner = owners.get(create.seed)
    if (owner) return { ...create, ...owner }
    findings.push({ kind: 'duplicate', what: `${create.id} carries the mark ${create.seed}, which is no attempt's` })
    return []
  })
}

/** Provider tasks that main names, with the video and attempt that it names as theirs. */
function namedTasks(videos: readonly StoredVideo[]): Map<string, string> {
  const named = new Map<string, string>()
  for (const { id, events } of videos) {
    for (const { type, providerTask } of events) {
      if (type === 'processing' && providerTask) named.set(providerTask.id, nameOf(id, providerTask.attempt))
    }
  }
  return named
}

function isAnnounced({ video, attempt, acceptedAt }: Traced): boolean {
  return video.events.some(
    (event) => event.type === 'begun' && event.intent?.attempt === attempt && event.at * 1000 <= acceptedAt,
  )
}

function whyAbandoned(create: Traced): string | undefined {
  const { video, acceptedAt, endsAt, succeeds, vanishedAt } = create
  const finalAt = isFinal(video) ? (video.events.at(-1)?.at ?? 0) * 1000 : Number.POSITIVE_INFINITY
  if (acceptedAt > finalAt) return 'was created after its task was final'
  if (vanishedAt === undefined && endsAt > finalAt) return 'was still under way when its task became final'
  const isCollected = video.result?.providerTaskId === create.id
  if (succeeds && vanishedAt === undefined && !isCollected) return 'made a video that nobody collected'
  return undefined
}

function duplicates(traced: readonly Traced[]): Finding[] {
  const inOrder = [...traced].sort((a, b) => a.acceptedAt - b.acceptedAt)
  return inOrder.flatMap((create, index): Finding[] => {
    const { id, video, attempt, acceptedAt } = create
    const earlier = inOrder.slice(0, index).filter((other) => other.video === video)
    const sameMark = earlier.find((other) => other.attempt === attempt)
    const paid = sameMark ?? earlier.find((other) => isUsable(other, acceptedAt))
    if (!paid) return []
    const why = sameMark
      ? `has the same mark as ${paid.id}`
      : `was created beside ${paid.id} of attempt ${paid.attempt}`
    return [{ kind: 'duplicate', what: `${nameOf(video.id, attempt)}: ${id} ${why}` }]
  })
}

/** Under way, or a video to be had. */
function isUsable({ endsAt, succeeds, vanishedAt }: AcceptedCreate, at: number): boolean {
  return (vanishedAt === undefined || vanishedAt > at) && (succeeds || endsAt > at)
}

function isWithoutVideo({ succeeds, vanishedAt }: AcceptedCreate): boolean {
  return !succeeds || vanishedAt !== undefined
}

function lost(asked: readonly string[], videos: readonly StoredVideo[], objects: readonly string[]): Finding[] {
  const known = new Map(videos.map((video) => [video.taskKey, video]))
  const owned = new Set(videos.flatMap(({ result }) => result?.video.key ?? []))
  const missing = asked.filter((key) => !known.has(key)).map((key) => `video ${key}: was asked for, and is not there`)
  const unfinished = videos.filter((video) => !isFinal(video)).map((video) => `${describe(video)}: is not final`)
  const wrongObjects = videos.flatMap((video) => {
    const stored = objects.filter((object) => object.startsWith(`video-${video.taskKey}-`))
    const expected = video.status === 'completed' ? [video.result?.video.key] : []
    return String(stored) === String(expected)
      ? []
      : `${describe(video)}: its objects are ${stored.join(', ') || 'none'}`
  })
  const strays = objects.filter((object) => !owned.has(object)).map((object) => `the object ${object} is no task's`)
  return [...missing, ...unfinished, ...wrongObjects, ...strays].map((what) => ({ kind: 'lost', what }))
}

export function nameOf(id: string, attempt: number): string {
  return `video ${id}, attempt ${attempt}`
}

function describe(video: StoredVideo): string {
  const { id, status, attempts, error } = video
  return `video ${id}, ${status} after ${attempts} attempts${error ? ` (${error.code}: ${error.message.slice(0, 200)})` : ''}`
}

/** The one under way, or the last one. */
function lastAttempt({ events }: StoredVideo): number {
  return Math.max(0, ...events.map(({ attempt }) => attempt))
}
