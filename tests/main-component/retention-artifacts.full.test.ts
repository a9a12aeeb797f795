/** `retention.artifacts: remove`: what removed tasks had stored goes too, unless another task names it. */
import { randomUUID } from 'node:crypto'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CreateBucketCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3'
import pino from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { artifactsConfigSchema } from '@/artifacts/config.js'
import { createArtifactStore } from '@/artifacts/index.js'
import { createS3Client } from '@/artifacts/s3-client.js'
import { keepRemoving } from '@/main-component/retention.js'
import type { TaskEvent } from '@/protocol/index.js'
import { removeNotedArtifacts } from '@/tasks/artifact-notes.js'
import { databaseOf, inTransaction, physicalEntity, reading } from '@/tasks/database/sql.js'
import { removeEndedTasks } from '@/tasks/ended-tasks.js'
import { callEntityNames } from '@/tasks/entities.js'
import { TaskReader } from '@/tasks/task-reader.js'
import { startTestMain, type TestMain } from '../support/main.js'
import { startPostgres, type TestPostgres } from '../support/postgres.js'
import { startS3Server } from '../support/s3-server.js'
import { events, plantTask, TEST_TASKS } from '../support/tasks.js'

const VIDEOS = callEntityNames('FangzhouVideo')
const OLD = 1000
const { signal } = new AbortController()

const artifact = (key: string) => ({
  key,
  url: `http://main/artifacts/${key}`,
  mimeType: 'video/mp4',
  bytes: 4,
  sha256: 'a'.repeat(64),
})

describe.each(['PGLite', 'PostgreSQL'])('on %s', (database) => {
  let postgres: TestPostgres | undefined
  let main: TestMain
  beforeAll(async () => {
    if (database === 'PostgreSQL') postgres = await startPostgres()
    main = await startTestMain(postgres ? { databaseUrl: await postgres.createDatabase() } : {})
  })
  afterAll(async () => {
    await main.stop()
    await postgres?.stop()
  })
  beforeEach(async () => {
    const { controller } = main.component
    for (const { apiCall } of [TEST_TASKS, VIDEOS]) {
      await inTransaction(controller, 'empty', () =>
        databaseOf(controller).query(`DELETE FROM ${physicalEntity(controller, apiCall).table}`, []),
      )
    }
    await inTransaction(controller, 'empty', () => databaseOf(controller).query('DELETE FROM "ArtifactsToRemove"', []))
  })

  /** A completed task; it ended long ago, unless told otherwise. */
  const plant = (result: unknown, { names = VIDEOS, at = OLD }: { names?: typeof VIDEOS; at?: number } = {}) => {
    const completed: TaskEvent = { ...events.completed(1), ...{ at, result } }
    return plantTask(
      main.component.controller,
      { events: [events.queued(1, at), events.processing(1), completed] },
      names,
    )
  }
  const removeRows = async (artifacts: 'keep' | 'remove' = 'remove', names = VIDEOS) => {
    const batch = { endedBefore: { completed: OLD + 1 }, limit: 25, artifacts }
    return removeEndedTasks(new TaskReader(main.component.controller, names), batch)
  }
  const noted = () =>
    reading(main.component.controller, 'noted', async () => {
      const sql = 'SELECT key, due FROM "ArtifactsToRemove" ORDER BY key'
      return databaseOf(main.component.controller).query<{ key: string; due: number }>(sql, [])
    })
  const comeDue = () =>
    inTransaction(main.component.controller, 'due', () =>
      databaseOf(main.component.controller).query('UPDATE "ArtifactsToRemove" SET due = 0', []),
    )
  const sweep = async () => {
    const gone: string[] = []
    const remove = async (key: string) => void gone.push(key)
    expect(await removeNotedArtifacts(main.component.controller, remove, signal)).toBe(gone.length)
    return gone.sort()
  }

  it('each artifact of a removed task goes, once its row is gone; with `keep` none does', async () => {
    await plant({ video: artifact('video-a-1.mp4'), parts: [{ image: artifact('image-a-1.png') }] })
    expect(await sweep()).toEqual([])
    expect(await removeRows()).toBe(1)
    expect(await sweep()).toEqual(['image-a-1.png', 'video-a-1.mp4'])
    expect(await noted()).toEqual([])

    await plant({ video: artifact('video-b-1.mp4') })
    expect(await removeRows('keep')).toBe(1)
    expect(await noted()).toEqual([])
  })

  it.each([
    ['of its own integration', VIDEOS, 'result'],
    ['of another integration', TEST_TASKS, 'result'],
    ['that was asked for with its URL', TEST_TASKS, 'requestParams'],
    ['that was asked for with its URL in another URL', VIDEOS, 'encoded'],
  ])('none goes that is named by a task %s, until that one is removed too', async (_what, names, where) => {
    const { controller } = main.component
    const shared = artifact('video-shared-1.mp4')
    await plant({ video: shared })
    const other = await plant(where === 'result' ? { video: shared } : { success: true }, { names, at: 4e9 })
    if (where !== 'result') {
      const url = where === 'encoded' ? `http://proxy/?of=${encodeURIComponent(shared.url)}` : shared.url
      const { table, column } = physicalEntity(controller, names.apiCall)
      await inTransaction(controller, 'ask', () =>
        databaseOf(controller).query(
          `UPDATE ${table} SET ${column('requestParams')} = $2::json WHERE ${column('id')}::text = $1`,
          [other, JSON.stringify({ imageUrl: url })],
        ),
      )
    }
    expect(await removeRows()).toBe(1)
    expect(await sweep()).toEqual([])
    await comeDue()
    expect(await sweep()).toEqual([])
    expect(await new TaskReader(controller, names).find(other)).toBeDefined()

    const batch = { endedBefore: { completed: 5e9 }, limit: 25, artifacts: 'remove' as const }
    expect(await removeEndedTasks(new TaskReader(controller, names), batch)).toBe(1)
    await comeDue()
    expect(await sweep()).toEqual(['video-shared-1.mp4'])
  })

  it('nothing goes by a name that no artifact has', async () => {
    const keys = ['../secret.txt', '.hidden.mp4', 'folder/video.mp4', 'video']
    await plant({ parts: keys.map(artifact), other: { key: 'video-c-1.mp4' } })
    expect(await removeRows()).toBe(1)
    expect(await noted()).toEqual([])
  })

  it('a store that is away loses nothing and holds up no row; it is tried again', async () => {
    await plant({ video: artifact('video-d-1.mp4') })
    const { controller } = main.component
    const stopping = new AbortController()
    const tries: string[] = []
    let batches = 0
    await keepRemoving({
      controller,
      integrations: {
        removeEnded(given, batch) {
          // Where nothing is tried again, the test has to end too.
          if (++batches === 20) stopping.abort()
          return removeEndedTasks(new TaskReader(given, VIDEOS), batch)
        },
      },
      retention: { completedDays: 30, failedDays: 0, cancelledDays: 0, artifacts: 'remove' },
      async removeArtifact(key) {
        tries.push(key)
        expect(await removeRows()).toBe(0)
        if (tries.length === 1) {
          await comeDue()
          await plant({ video: artifact('video-e-1.mp4') })
          throw new Error('The store is away')
        }
        if (tries.length === 3) stopping.abort()
      },
      logger: pino({ level: 'silent' }),
      stopping: stopping.signal,
      intervalMs: 1,
      artifactsIntervalMs: 0,
    })
    expect(tries.sort()).toEqual(['video-d-1.mp4', 'video-d-1.mp4', 'video-e-1.mp4'])
    expect(await noted()).toEqual([])
  })

  it('what a main that died had taken is taken again an hour later', async () => {
    await plant({ video: artifact('video-f-1.mp4') })
    await removeRows()
    const died = new Error('This main dies')
    const dies = removeNotedArtifacts(main.component.controller, () => Promise.reject(died), signal)
    await expect(dies).rejects.toBe(died)
    expect(await sweep()).toEqual([])
    const [note] = await noted()
    expect(note?.key).toBe('video-f-1.mp4')
    const seconds = (note?.due ?? 0) - Date.now() / 1000
    expect(seconds).toBeGreaterThan(3500)
    expect(seconds).toBeLessThanOrEqual(3601)
    await comeDue()
    expect(await sweep()).toEqual(['video-f-1.mp4'])
  })
})

it('a file goes from the folder, alone, and again without complaint', async () => {
  const main = await startTestMain()
  try {
    await mkdir(main.artifactsDir, { recursive: true })
    for (const key of ['video-a-1.mp4', 'video-a-10.mp4']) await writeFile(join(main.artifactsDir, key), 'film')
    const store = createArtifactStore({ dir: main.artifactsDir }, 'http://main')
    for (let times = 0; times < 2; times += 1) await store.remove('video-a-1.mp4', signal)
    expect(await readdir(main.artifactsDir)).toEqual(['video-a-10.mp4'])
  } finally {
    await main.stop()
  }
})

it('an object goes from the bucket, alone, and again without complaint; where the bucket is away, that is said', async () => {
  const server = await startS3Server()
  const bucket = `bucket-${randomUUID()}`
  const { s3 } = artifactsConfigSchema.parse({ s3: { endpoint: server.endpoint, ...server.credentials, bucket } })
  if (!s3) throw new Error('no bucket')
  const store = createArtifactStore({ dir: 'unused', s3 }, 'http://main')
  try {
    const client = createS3Client(s3)
    await client.send(new CreateBucketCommand({ Bucket: bucket }))
    for (const key of ['video-a-1.mp4', 'video-a-10.mp4']) {
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: `artifacts/${key}`, Body: 'film' }))
    }
    for (let times = 0; times < 2; times += 1) await store.remove('video-a-1.mp4', signal)
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket }))
    expect(Contents.map(({ Key }) => Key)).toEqual(['artifacts/video-a-10.mp4'])
  } finally {
    await server.stop()
  }
  await expect(store.remove('video-a-10.mp4', signal)).rejects.toMatchObject({ type: 'artifact_store_unavailable' })
})
