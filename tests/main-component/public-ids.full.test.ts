/** What the public learns of a task's identity, on PostgreSQL, where rows' ids are 1, 2, 3; and how much one user may have open. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { artifactName, artifactUrl } from '@/artifacts/artifact.js'
import type { TaskEvent } from '@/protocol/index.js'
import { databaseOf } from '@/tasks/database/sql.js'
import { type CallEntityNames, callEntityNames } from '@/tasks/entities.js'
import { TaskReader } from '@/tasks/task-reader.js'
import { type Answer, type MainProcess, startMainProcess, startTestMain, type TestMain } from '../support/main.js'
import { createDatabase } from '../support/shared.js'
import { events, plantTask, TEST_API, TEST_TASKS, taskKeyOf } from '../support/tasks.js'

describe('ids', () => {
  let main: TestMain
  beforeAll(async () => {
    main = await startTestMain({ databaseUrl: await createDatabase() })
  })
  afterAll(() => main.stop())

  it('have 128 random bits each, in characters that a URL takes as they are', async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, () => main.post('/api/test/run', {})))
    const ids = answers.map(({ body }) => body.taskId as string)
    expect(ids.filter((id) => !/^[\w-]{22}$/.test(id))).toEqual([])
    const bytes = ids.map((id) => Buffer.from(id, 'base64url'))
    expect(new Set(bytes.map(({ length }) => length))).toEqual(new Set([16]))
    // Every bit is there in some and not in others.
    for (let bit = 0; bit < 128; bit++) {
      const set = bytes.filter((id) => ((id[bit >> 3] as number) >> (bit & 7)) & 1).length
      expect(set, `bit ${bit}`).toBeGreaterThan(0)
      expect(set, `bit ${bit}`).toBeLessThan(50)
    }
    expect(artifactName('video', { taskKey: ids[0] as string, attempt: 1 })).toBe(`video-${ids[0]}-1`)
  })

  it('of rows are in no public answer, and find nothing', async () => {
    const { controller } = main.component
    // Numbers that nothing else in an answer is.
    await databaseOf(controller).query(
      `SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, 76543000) FROM pg_sequences`,
      [],
    )
    const ofRows = /76543\d\d\d/
    const answers: Answer[] = []
    const show = async (kind: string, names: CallEntityNames, history?: TaskEvent[]) => {
      const plant = () => plantTask(controller, history ? { events: history } : {}, names)
      let id = await plant()
      // The ids of a block that was taken before come first.
      while (Number(id) < 76_543_000) id = await plant()
      expect(id).toMatch(ofRows)
      expect(await main.get(`/api/${kind}/tasks/${id}`)).toMatchObject({ status: 404 })
      const shown = await main.get(`/api/${kind}/tasks/${await taskKeyOf(controller, id, names)}`)
      expect(shown.status).toBe(200)
      answers.push(shown)
      return id
    }
    const claimed = events.queued(1, 2e9)
    await show('test', TEST_TASKS, [claimed, events.failed(1, 2e9)])
    await show('test', TEST_TASKS, [events.cancelled(1)])
    const videos = callEntityNames('FangzhouVideo')
    const id = await show('video', videos, [claimed, events.processing(1)])
    const taskKey = await taskKeyOf(controller, id, videos)
    const reported = await main.internalPost('/api/fangzhouVideoGeneration/reportFangzhouVideoResult', {
      ...{ apiCallId: id, taskKey, attempt: 1, runId: 'run-1', status: 'completed' },
      result: videoResult(taskKey),
    })
    expect(reported).toEqual({ status: 200, body: expect.objectContaining({ success: true }) })
    const completed = await main.get(`/api/video/tasks/${taskKey}`)
    expect(completed.body).toMatchObject({ status: 'completed', result: { video: { key: `video-${taskKey}-1.mp4` } } })

    answers.push(completed, await main.post('/api/test/run', {}), await main.post('/api/test/run', { message: 7 }))
    expect(answers.filter((answer) => ofRows.test(JSON.stringify(answer)))).toEqual([])
  })

  it('of older rows, with eight characters, stay valid, for operators too', async () => {
    const { controller } = main.component
    const taskKey = 'k7Qx2-_Z'
    const id = await plantTask(controller, { taskKey })
    expect(await main.get(`/api/test/tasks/${taskKey}`)).toMatchObject({ status: 200, body: { taskId: taskKey } })
    const cancel = await main.internalPost(`${TEST_API}/cancelTask`, { apiCallId: taskKey, by: 'ada' })
    expect(cancel).toMatchObject({ status: 200, body: { status: 'cancelled' } })
    expect((await new TaskReader(controller, TEST_TASKS).find(id))?.state.status).toBe('cancelled')
  })

  it('of rows are what daemons report by, and not the public ones', async () => {
    const { body } = await main.post('/api/test/run', {})
    const claim = { apiCallId: body.taskId, status: 'queued' }
    expect((await main.internalPost(`${TEST_API}/reportTestAsyncTaskResult`, claim)).status).toBe(404)
  })
})

/** As the daemon reports it: its file's name is made from the key alone. */
function videoResult(taskKey: string) {
  const key = `${artifactName('video', { taskKey, attempt: 1 })}.mp4`
  const video = { key, url: artifactUrl('http://main', key), mimeType: 'video/mp4', bytes: 7, sha256: 'ab'.repeat(32) }
  return { providerTaskId: 'cgt-1', model: 'a-model', simulated: true, video }
}

describe('maxOpenTasksPerUser', () => {
  const MAX = 3
  const tokens = { anna: 'annas-own-token-0001', ben: 'bens-own-token-00002' }
  const askAs = (main: MainProcess, token: string) =>
    main.post('/api/test/run', {}, { authorization: `Bearer ${token}` })
  let mains: MainProcess[] = []
  beforeAll(async () => {
    const env = {
      DATABASE_URL: await createDatabase(),
      TEST_MAX_OPEN_TASKS_PER_USER: String(MAX),
      API_TOKENS: Object.entries(tokens)
        .map(([user, token]) => `${user}:${token}`)
        .join(','),
    }
    mains = await Promise.all([startMainProcess(env), startMainProcess(env)])
  })
  afterAll(() => Promise.all(mains.map((main) => main.stop())))

  it('lets so many be open and no more, whatever is asked at once of two processes', async () => {
    const answers = await Promise.all(
      Array.from({ length: 24 }, (_, index) => askAs(mains[index % 2] as MainProcess, tokens.anna)),
    )
    expect(count(answers)).toEqual({ 200: MAX, 429: 24 - MAX })
    expect(answers.find(({ status }) => status === 429)?.body).toEqual({
      success: false,
      error: `As many of your tasks are open as may be (${MAX}). Ask again when one of them has ended`,
      reason: 'too_many_open_tasks',
    })

    const [main] = mains as [MainProcess]
    expect(await askAs(main, tokens.ben)).toMatchObject({ status: 200 })
    const ended = answers.find(({ status }) => status === 200)?.body.taskId
    await main.internalPost(`${TEST_API}/cancelTask`, { apiCallId: ended, by: 'ada' })
    expect(count([await askAs(main, tokens.anna), await askAs(main, tokens.anna)])).toEqual({ 200: 1, 429: 1 })
  })

  it('counts what is under way, and not what has ended; all who have no name are one', async () => {
    const main = await startTestMain({ maxOpenTasksPerUser: 1 })
    try {
      const { controller } = main.component
      await plantTask(controller, { userId: 'anna' })
      const over = [events.queued(1, 2e9), events.processing(1)]
      await plantTask(controller, { events: [...over, events.completed(1)] })
      await plantTask(controller, { events: [events.queued(1, 2e9), events.failed(1, 2e9, false)] })
      await plantTask(controller, { events: [events.cancelled(1)] })
      expect(await main.post('/api/test/run', {})).toMatchObject({ status: 200 })
      for (const ends of [{ events: over }, { events: [events.queued(1, 2e9), events.failed(1, 2e9)] }]) {
        await cancelAll(main)
        const id = await plantTask(controller, ends)
        expect(await main.post('/api/test/run', {})).toMatchObject({ status: 429 })
        await main.internalPost(`${TEST_API}/cancelTask`, { apiCallId: id, by: 'ada' })
      }
      expect(await main.post('/api/test/run', {})).toMatchObject({ status: 200 })
    } finally {
      await main.stop()
    }
  })
})

async function cancelAll(main: TestMain): Promise<void> {
  const { body } = await main.internalGet(`${TEST_API}/fetchPendingTasks?limit=100`)
  for (const { id } of body.tasks) await main.internalPost(`${TEST_API}/cancelTask`, { apiCallId: id, by: 'ada' })
}

function count(answers: Answer[]): Record<number, number> {
  const counts: Record<number, number> = {}
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1
  return counts
}
