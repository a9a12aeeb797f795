/** `GET operator/changes`: what it tells, how often, to whom, and until when. */
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { ConsoleSessions } from '@/main-component/console/sessions.js'
import { ChangesStream, closeStreams } from '../../support/changes.js'
import { startTestMain, type TestMain } from '../../support/main.js'
import { TEST_API } from '../../support/tasks.js'

const TOKEN = 'operator-token-0123456789'
const OPERATOR = { authorization: `Bearer ${TOKEN}` }
afterEach(closeStreams)

const create = async (main: TestMain): Promise<string> =>
  (await main.post('/api/test/run', { kind: 'simple', message: 'hello' })).body.taskId

describe('one main', () => {
  let main: TestMain
  let stopped = false
  beforeAll(async () => {
    main = await startTestMain({ operatorToken: TOKEN })
  })
  afterAll(() => stopped || main?.stop())

  it('tells at once of a task that is created, moved or steered, and of many at most once a second', async () => {
    const stream = await ChangesStream.open(main, OPERATOR)
    const taskId = await create(main)
    const first = await stream.next()
    expect(first).toMatchObject({ integrations: ['testAsyncTask'], tasks: [taskId] })
    const more = [await create(main), await create(main), await create(main)]
    await main.post(`${TEST_API}/cancelTask`, { apiCallId: taskId, by: 'ada' }, OPERATOR)
    const second = await stream.next()
    expect(second?.tasks).toEqual([...more, taskId])
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThan(900)
    await main.post(`${TEST_API}/pause`, { by: 'ada', reason: 'a test' }, OPERATOR)
    expect(await stream.next()).toMatchObject({ integrations: ['testAsyncTask'], tasks: [] })
    await main.post(`${TEST_API}/resume`, { by: 'ada' }, OPERATOR)
  })

  /** Main learns a little later that others have gone. */
  const openWhenFree = () => vi.waitFor(() => ChangesStream.open(main, OPERATOR), { timeout: 10_000 })

  it('is for operators, and ends with their session', async () => {
    expect(await main.get('/api/operator/changes')).toMatchObject({ status: 401 })
    const session = new ConsoleSessions(TOKEN).open({ name: 'ada', who: 'ada' }, Date.now() / 1000 + 0.3)
    const stream = await ChangesStream.open(main, { cookie: `async-task-console=${session.cookie}` })
    // One that outlives its session would go on for as long as a test may take.
    const tooLong = delay(5000, 'it goes on', { ref: false })
    expect(await Promise.race([stream.next(), tooLong])).toBeNull()
  })

  it('is documented as a stream', async () => {
    const { paths } = (await main.get('/openapi.json')).body
    const { responses, security } = paths['/api/operator/changes'].get
    expect(Object.keys(responses['200'].content)).toEqual(['text/event-stream'])
    expect(security).toContainEqual({ consoleSession: [] })
  })

  it('so many may watch, and no more until one of them has gone', async () => {
    const watching = await Promise.all(Array.from({ length: 100 }, () => ChangesStream.open(main, OPERATOR)))
    expect(await main.get('/api/operator/changes', OPERATOR)).toMatchObject({ status: 503 })
    watching[0]?.close()
    await openWhenFree()
  })

  it('ends when main stops', async () => {
    const stream = await openWhenFree()
    stopped = true
    await main.stop()
    expect(await stream.next()).toBeNull()
  })
})
