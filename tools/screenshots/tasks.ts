/** An hour and a day of made-up tasks, for pictures of the console. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PNG } from 'pngjs'
import type { TaskEvent } from '../../protocol/index.js'
import type { TestMain } from '../../tests/support/main.js'
import { events, type PlantedTask, plantTask } from '../../tests/support/tasks.js'
import { drawPicture } from '../simulators/picture.js'

const NAMES = {
  image: { apiCall: 'Nanobanana2APICall', integrationEvent: 'Nanobanana2IntegrationEvent' },
  video: { apiCall: 'FangzhouVideoAPICall', integrationEvent: 'FangzhouVideoIntegrationEvent' },
}
const USERS = ['anna', 'ben', 'cleo', 'dmitri', 'emil']
const FAILURES = [
  ['deadline_exceeded', 'The provider took longer than 600 s'],
  ['provider_error', 'The provider answered 500: internal error'],
  ['content_refused', 'The provider refuses the prompt'],
] as const

/** The task of which there is a picture. */
export const SHOWN_TASK = 'Ue5hJkUa3dVrXvB0mQyN1w'

type Kind = keyof typeof NAMES

export async function plantDemo(main: TestMain): Promise<void> {
  const { controller } = main.component
  const now = Date.now() / 1000
  const plant = (kind: Kind, task: PlantedTask) => plantTask(controller, task, NAMES[kind])
  let number = 0
  const next = () => {
    number += 1
    return { number, userId: USERS[number % USERS.length] as string, taskKey: keyOf(number) }
  }
  for (let minutesAgo = 24 * 60; minutesAgo > 1; minutesAgo -= minutesAgo > 60 ? 9 : 1) {
    for (const kind of ['image', 'video'] as const) {
      const many = Math.round(
        (kind === 'image' ? 3 : 1.4) * (1.2 + Math.sin(minutesAgo / 7) * Math.cos(minutesAgo / 23)),
      )
      for (let index = 0; index < many; index += 1) {
        const { number: n, ...task } = next()
        const at = now - 60 * minutesAgo + 7 * index
        const fails = n % 13 === 0 || (kind === 'video' && minutesAgo < 24 && minutesAgo > 12)
        await plant(kind, {
          ...task,
          createdAt: at - 20 - (n % 40),
          events: fails ? failed(n, at, kind) : done(n, at, kind),
        })
      }
    }
  }
  for (let index = 0; index < 26; index += 1) {
    const { number: n, ...task } = next()
    await plant(index % 3 === 0 ? 'video' : 'image', { ...task, createdAt: now - 8 * index - (n % 7) })
  }
  for (let index = 0; index < 9; index += 1) {
    const { number: n, ...task } = next()
    const at = now - 12 - 9 * index
    await plant(index % 2 === 0 ? 'video' : 'image', { ...task, createdAt: at - 30 - (n % 5), events: underWay(at) })
  }
  await plant('image', await shownTask(main, now))
}

/** As ids look: made up, always the same. */
function keyOf(number: number): string {
  const bytes = Buffer.alloc(16)
  for (let index = 0; index < 4; index += 1)
    bytes.writeUInt32BE((Math.imul(number + 7 * index, 2654435761) ^ (number << 7)) >>> 0, 4 * index)
  return bytes.toString('base64url')
}

const claimed = (attempt: number, at: number) => ({ ...events.queued(attempt, at + 300), at }) as TaskEvent
const begun = (attempt: number, at: number) =>
  ({
    type: 'begun',
    attempt,
    runId: 'e1c9a6d2-6c53-4a0e-9a38-1d7c1b9f5a11',
    fencingToken: `begun-${attempt}`,
    leaseExpiresAt: at + 300,
    intent: null,
    at,
  }) as TaskEvent
const processing = (attempt: number, at: number, id = `cgt-2026112809${attempt}-x7k2p`) =>
  ({ ...events.processing(attempt), providerTask: { id, attempt }, at }) as TaskEvent
const ended = (attempt: number, at: number, result: unknown) =>
  ({ ...events.completed(attempt), result, at }) as TaskEvent
const failure = (
  attempt: number,
  at: number,
  [code, message]: readonly [string, string],
  dueAt: number,
  retryable: boolean,
) => ({ ...events.failed(attempt, dueAt, retryable), error: { code, message }, at }) as TaskEvent

function done(n: number, at: number, kind: Kind): TaskEvent[] {
  const took = kind === 'image' ? 9 + (n % 11) : 25 + (n % 50)
  return [
    claimed(1, at - took),
    begun(1, at - took + 0.4),
    processing(1, at - took + 1),
    ended(1, at, { note: 'made up' }),
  ]
}

function failed(n: number, at: number, kind: Kind): TaskEvent[] {
  const why = FAILURES[kind === 'video' ? n % 2 : n % 3] as (typeof FAILURES)[number]
  const isTriedAgain = n % 3 === 0
  return [
    claimed(1, at - 30),
    begun(1, at - 29.5),
    processing(1, at - 29),
    failure(1, at, why, isTriedAgain ? Date.now() / 1000 + 90 + n : 0, isTriedAgain),
  ]
}

const underWay = (at: number): TaskEvent[] => [claimed(1, at), begun(1, at + 0.4), processing(1, at + 1.2)]

/** With a failure, a take-over, a wait, and a picture in the end. */
async function shownTask({ artifactsDir, url }: TestMain, now: number): Promise<PlantedTask> {
  const at = now - 240
  const key = `image-${SHOWN_TASK}-2.png`
  const picture = drawPicture(480, 270, 0x51a3c77)
  const png = new PNG({ width: picture.width, height: picture.height })
  // Of few colours: a picture of it stays small.
  png.data = Buffer.from(picture.data.map((value, index) => (index % 4 === 3 ? value : value & 0xc0)))
  const bytes = PNG.sync.write(png)
  await mkdir(artifactsDir, { recursive: true })
  await writeFile(join(artifactsDir, key), bytes)
  const image = { key, url: `${url}/artifacts/${key}`, mimeType: 'image/png', bytes: bytes.length, sha256: 'made-up' }
  const waiting = (from: number) =>
    ({
      type: 'waiting',
      attempt: 2,
      runId: 'e1c9a6d2-6c53-4a0e-9a38-1d7c1b9f5a11',
      waitingFor: {
        code: 'rate_limited',
        message: 'The provider asks for a pause of 30 s',
        since: from,
        nextTryAt: from + 30,
      },
      at: from,
    }) as TaskEvent
  return {
    createdAt: at,
    taskKey: SHOWN_TASK,
    userId: 'anna',
    events: [
      claimed(1, at + 18),
      begun(1, at + 18.6),
      processing(1, at + 20),
      failure(1, at + 62, ['provider_error', 'The provider answered 500: internal error'], at + 92, true),
      claimed(2, at + 95),
      { ...claimed(2, at + 118), takeOver: true } as TaskEvent,
      begun(2, at + 119),
      processing(2, at + 121),
      waiting(at + 128),
      {
        type: 'resumed',
        attempt: 2,
        runId: 'e1c9a6d2-6c53-4a0e-9a38-1d7c1b9f5a11',
        at: at + 158,
      } as unknown as TaskEvent,
      ended(2, at + 186, { image, model: 'nano-banana-2', simulated: true }),
    ],
  }
}
