/**
 * What is told of a task's end: once it is stored, signed, again until it is taken, and to nobody inside. One file, as
 * they share the receiver, and run on both databases.
 */
import type { lookup as systemLookup } from 'node:dns'
import pino from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { application } from '@/application.js'
import { loadConfig } from '@/config/load.js'
import { manyListeners } from '@/lib/abort.js'
import { createApplication } from '@/main-component/application.js'
import { installOrAttach } from '@/main-component/model.js'
import { openDatabase } from '@/main-component/open-database.js'
import { keepDelivering, type WebhooksOptions } from '@/main-component/webhooks.js'
import { Arrivals } from '@/tasks/arrivals.js'
import { databaseOf, inTransaction } from '@/tasks/database/sql.js'
import { removeEndedTasks } from '@/tasks/ended-tasks.js'
import { TaskStore } from '@/tasks/task-store.js'
import type { DueWebhooks, WebhookOutcome } from '@/tasks/webhooks.js'
import { eventually } from '../support/eventually.js'
import { createDatabase } from '../support/shared.js'
import { plantTask, policyWithoutPauses as policy, TEST_TASKS } from '../support/tasks.js'
import { isSigned, type Receiver, WEBHOOK_SECRET as secret, startReceiver } from '../support/webhooks.js'

const DAY = 86_400
const RESULT = { success: true, steps: ['one'] }
const PRIVATE = { privateHosts: ['127.0.0.1'] }
const logger = pino({ level: 'silent' })

/** An application without a main that sends. */
async function openApplication(url?: string) {
  const config = loadConfig({ mode: 'local', component: 'main' })
  const database = await openDatabase({ dataDir: 'memory://', ...(url !== undefined && { url }) }, logger)
  const { controller, system, setUp } = await createApplication(application, config, database, logger)
  await database.alone(async () => {
    await installOrAttach(controller, system, 'never', logger)
    await setUp()
  })
  const store = new TaskStore(controller, TEST_TASKS, { policy })
  return { controller, store, close: () => database.close() }
}
type Application = Awaited<ReturnType<typeof openApplication>>

let receiver: Receiver
beforeEach(async () => {
  receiver = await startReceiver()
})
const senders: Array<() => Promise<void>> = []
afterEach(async () => {
  await Promise.all(senders.splice(0).map((stop) => stop()))
  await receiver.stop()
})

function startSender({ store }: Application, options?: SenderOptions, lookup?: typeof systemLookup) {
  const { webhooks: queue } = store
  const webhooks = () => ({
    due: queue.due,
    dueInSeconds: () => queue.dueInSeconds(),
    claim: (limit: number) => queue.claim(limit, 'test'),
  })
  return send(webhooks, options, lookup)
}

type SenderOptions = Partial<WebhooksOptions['webhooks']>

function send(webhooks: () => DueWebhooks, options: SenderOptions = {}, lookup?: typeof systemLookup) {
  const stopping = new AbortController()
  manyListeners(stopping.signal)
  const delivering = keepDelivering({
    integrations: {
      getIntegrations: () => [{ namespace: 'testAsyncTask', integration: { webhooks, createSideEffects: () => [] } }],
    },
    webhooks: { secret, ...PRIVATE, ...options },
    logger,
    stopping: stopping.signal,
    ...(lookup && { lookup }),
  })
  const stop = async () => {
    stopping.abort()
    await delivering
  }
  senders.push(stop)
  return stop
}

describe.each(['PGLite', 'PostgreSQL'])('on %s', (kind) => {
  let application: Application
  beforeAll(async () => {
    application = await openApplication(kind === 'PostgreSQL' ? await createDatabase() : undefined)
  })
  afterAll(() => application.close())

  const plant = (webhook = receiver.url) => plantTask(application.controller, { webhook })
  const complete = (id: string) =>
    application.store.carryOut(id, { from: 'run', status: 'completed', attempt: 1, runId: 'run-1', result: RESULT })
  const fail = (id: string, retryable = false) => {
    const error = { code: 'broken', message: 'It broke' }
    return application.store.carryOut(id, {
      from: 'run',
      status: 'failed',
      attempt: 1,
      runId: 'run-1',
      error,
      retryable,
    })
  }
  const keyOf = async (id: string) => (await application.store.find(id))?.taskKey ?? ''
  const claim = () => application.store.webhooks.claim(10, 'test')
  /** Entries of the timeline about the webhook. */
  const entries = async (id: string) => {
    const view = await application.store.view(await keyOf(id), 'operator')
    return view?.timeline.filter(({ type }) => type.startsWith('webhook')) ?? []
  }
  const entered = (id: string, count: number) =>
    eventually(async () => {
      const found = await entries(id)
      expect(found.length).toBeGreaterThanOrEqual(count)
      return found
    })
  const row = async (id: string) => {
    const { calls } = application.store
    const columns = ['webhookDueAt', 'webhookProgress'].map((name) => `${calls.column(name)} AS "${name}"`).join(', ')
    const sql = `SELECT ${columns}, extract(epoch FROM clock_timestamp())::float8 AS now FROM ${calls.table} WHERE ${calls.column('id')} = $1`
    const [found] = await application.store.read('row', () =>
      application.store.query<{ webhookDueAt: number | null; now: number }>(sql, [calls.parseId(id)]),
    )
    return { dueIn: found?.webhookDueAt == null ? null : found.webhookDueAt - found.now }
  }
  /** As if that many seconds had passed since it was to be sent, and since the task ended. */
  const later = async (id: string, seconds: number, sinceEnd = 0) => {
    const { table, column, parseId } = application.store.calls
    const progress = column('webhookProgress')
    await inTransaction(application.controller, 'later', () =>
      databaseOf(application.controller).query(
        `UPDATE ${table} SET ${column('webhookDueAt')} = ${column('webhookDueAt')} - $2::float8,` +
          ` ${progress} = jsonb_set(${progress}::jsonb, '{since}', to_jsonb((${progress} ->> 'since')::float8 - $3::float8))::json` +
          ` WHERE ${column('id')} = $1`,
        [parseId(id), seconds, sinceEnd],
      ),
    )
    application.store.webhooks.due.wake()
  }

  it('whoever sends is told when the next try is due at another time: after a refusal, and not after a delivery', async () => {
    const { due } = application.store.webhooks
    const outcomes = [
      { delivered: false, reason: { code: 'http_500', message: 'It broke' } },
      { delivered: true },
    ] as const
    for (const outcome of outcomes) {
      const id = await plant()
      await complete(id)
      const [message] = await claim()
      const { count } = due
      await message?.note(outcome)
      expect(due.count - count).toBe(outcome.delivered ? 0 : 1)
    }
  })

  // What an earlier test left to send is nobody's.
  beforeEach(async () => {
    const { table, column } = application.store.calls
    await inTransaction(application.controller, 'nothing due', () =>
      databaseOf(application.controller).query(`UPDATE ${table} SET ${column('webhookDueAt')} = NULL`, []),
    )
  })

  it('the receiver is told of the end, signed, and the timeline says so', async () => {
    startSender(application)
    const id = await plant()
    await complete(id)
    const [message] = await receiver.got(1)
    if (!message) throw new Error('No message')
    expect(isSigned(message, secret)).toBe(true)
    expect(message).toMatchObject({ path: '/hook', id: `${await keyOf(id)}_completed_1` })
    expect(message.headers['content-type']).toBe('application/json')
    expect(JSON.parse(message.body)).toMatchObject({
      type: 'task.completed',
      timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
      data: {
        namespace: 'test',
        taskId: await keyOf(id),
        status: 'completed',
        attempts: 1,
        error: null,
        result: RESULT,
        resultOmitted: false,
      },
    })
    expect(await entered(id, 1)).toEqual([{ type: 'webhookDelivered', attempt: 1, at: expect.any(Number) }])
    expect(await row(id)).toEqual({ dueIn: null })
  })

  it('a failure for good, and a cancellation, are ends; a failure that may be retried is none', async () => {
    startSender(application)
    const [failed, cancelled, retried] = [await plant(), await plant(), await plant()]
    await fail(retried, true)
    expect(await row(retried)).toEqual({ dueIn: null })
    await fail(failed)
    await application.store.carryOut(cancelled, { from: 'operator', status: 'cancelled', by: 'anna' })
    const messages = await receiver.got(2)
    const told = messages.map(({ body }) => JSON.parse(body)).sort((a, b) => a.type.localeCompare(b.type))
    expect(told).toMatchObject([
      { type: 'task.cancelled', data: { status: 'cancelled', result: null } },
      { type: 'task.failed', data: { status: 'failed', error: { code: 'broken' }, dueAt: null } },
    ])
  })

  it('a message whose answer was lost is sent again, the same', async () => {
    startSender(application)
    receiver.answer = (response) => response.destroy()
    const id = await plant()
    await complete(id)
    const [failure] = await entered(id, 1)
    expect(failure).toMatchObject({ type: 'webhookFailed', reason: { code: 'unreachable' } })
    expect(failure?.reason?.message).toMatch(/^127\.0\.0\.1:\d+ did not answer: .*; next try at \d{4}-\d\d-\d\dT.*Z$/)
    receiver.answer = (response) => response.writeHead(200).end('thanks')
    await later(id, DAY)
    const [first, second] = await receiver.got(2)
    expect([second?.id, second?.body]).toEqual([first?.id, first?.body])
    expect((await entered(id, 2)).map(({ type }) => type)).toEqual(['webhookFailed', 'webhookDelivered'])
  })

  it('what a main that died had claimed is nobody else’s until its lease is over, and then sent with the same id', async () => {
    const id = await plant()
    await complete(id)
    const [lost] = await claim()
    expect(lost).toMatchObject({ id: `${await keyOf(id)}_completed_1`, tries: 1 })
    expect(await claim()).toEqual([])
    const { dueIn } = await row(id)
    expect(dueIn).toBeGreaterThan(30)
    await later(id, 61)
    const [again] = await claim()
    expect(again).toMatchObject({ id: lost?.id, body: lost?.body })
    // The first was only slow.
    expect(await lost?.note({ delivered: false, reason: { code: 'late', message: 'Late' } })).toBeUndefined()
    expect(await entries(id)).toEqual([])
    expect(await again?.note({ delivered: true })).toBe('webhookDelivered')
    expect((await entries(id)).map(({ type }) => type)).toEqual(['webhookDelivered'])
  })

  it.each<[string, Partial<WebhookOutcome>, number, number]>([
    ['after some seconds', {}, 2, 5],
    ['when the receiver wants it', { retryAfterSeconds: 600 }, 590, 600],
    ['at the latest a day after the end', { retryAfterSeconds: 2 * DAY }, DAY - 100, DAY],
  ])('is tried again %s', async (_, more, least, most) => {
    const id = await plant()
    await complete(id)
    const [webhook] = await claim()
    await webhook?.note({
      delivered: false,
      reason: { code: 'http_500', message: 'It answered 500' },
      ...more,
    } as WebhookOutcome)
    const { dueIn } = await row(id)
    expect(dueIn).toBeGreaterThan(least)
    expect(dueIn).toBeLessThanOrEqual(most)
    await later(id, 2 * DAY)
    await (await claim())[0]?.note({ delivered: true })
  })

  it('tries less and less often, and gives up after a day', async () => {
    const id = await plant()
    await complete(id)
    const pauses: number[] = []
    for (let dueIn: number | null = 0; dueIn !== null && pauses.length < 50; ) {
      const [webhook] = await claim()
      await webhook?.note({ delivered: false, reason: { code: 'http_500', message: 'It answered 500' } })
      dueIn = (await row(id)).dueIn
      if (dueIn === null) continue
      pauses.push(dueIn)
      await later(id, dueIn, dueIn)
    }
    const sum = pauses.reduce((total, one) => total + one, 0)
    expect(sum).toBeGreaterThan(DAY - 60)
    expect(sum).toBeLessThan(DAY + 60)
    expect(pauses[0]).toBeLessThan(6)
    expect(Math.max(...pauses)).toBeGreaterThan(3600)
    const all = await entries(id)
    expect(all.length).toBeLessThan(30)
    expect(all.at(-1)).toMatchObject({
      type: 'webhookGivenUp',
      reason: { code: 'http_500', message: 'It answered 500; given up' },
    })
  })

  it('a receiver that is gone is asked no more', async () => {
    startSender(application)
    receiver.answer = (response) => response.writeHead(410).end()
    const id = await plant()
    await complete(id)
    const [entry] = await entered(id, 1)
    expect(entry).toMatchObject({ type: 'webhookGivenUp', reason: { code: 'http_410' } })
    expect(await row(id)).toEqual({ dueIn: null })
  })

  it.each([
    [503, { 'retry-after': '900' }, 890],
    [429, { 'retry-after': '900' }, 890],
    [500, { 'retry-after': '900' }, 0],
  ])('%s with %s: the next try is in %s seconds or more', async (status, headers, seconds) => {
    startSender(application)
    receiver.answer = (response) => response.writeHead(status, headers).end()
    const id = await plant()
    await complete(id)
    const [entry] = await entered(id, 1)
    expect(entry).toMatchObject({ type: 'webhookFailed', reason: { code: `http_${status}` } })
    const { dueIn } = await row(id)
    expect(dueIn).toBeGreaterThan(seconds)
    if (seconds === 0) expect(dueIn).toBeLessThan(10)
  })

  it('a redirect is a refusal, and not followed', async () => {
    startSender(application)
    receiver.answer = (response) => response.writeHead(302, { location: '/elsewhere' }).end()
    const id = await plant()
    await complete(id)
    expect(await entered(id, 1)).toMatchObject([{ type: 'webhookFailed', reason: { code: 'http_302' } }])
    expect(receiver.seen.map(({ path }) => path)).toEqual(['/hook'])
  })

  it('a name that leads inside, a host that is inside, and plain HTTP are refused at each try', async () => {
    const lookup = ((_name: string, _options: object, callback: (error: null, addresses: object[]) => void) =>
      callback(null, [{ address: '127.0.0.1', family: 4 }])) as typeof systemLookup
    startSender(application, { privateHosts: [] }, lookup)
    const port = receiver.host.split(':')[1]
    const urls = [
      `https://hooks.example.org:${port}/`,
      `https://127.0.0.1:${port}/`,
      `http://hooks.example.org:${port}/`,
    ]
    const ids = await Promise.all(urls.map((url) => plant(url)))
    for (const id of ids) await complete(id)
    const reasons = await Promise.all(ids.map(async (id) => (await entered(id, 1))[0]?.reason))
    expect(reasons.map((reason) => reason?.code)).toEqual(['url_not_allowed', 'url_not_allowed', 'url_not_allowed'])
    expect(reasons.map((reason) => reason?.message.split(';')[0])).toEqual([
      'hooks.example.org leads to this machine or a private network',
      'The URL must not lead to this machine or a private network',
      'The URL must be an https URL',
    ])
    expect(receiver.seen).toEqual([])
  })

  it('during a rotation it is signed with both secrets', async () => {
    const previousSecret = `whsec_${Buffer.alloc(32, 9).toString('base64')}`
    startSender(application, { previousSecret })
    await complete(await plant())
    const [message] = await receiver.got(1)
    expect([secret, previousSecret, 'whsec_AAAA'].map((one) => message && isSigned(message, one))).toEqual([
      true,
      true,
      false,
    ])
  })

  it('a result that is too large is left out, and the message says so', async () => {
    startSender(application)
    const id = await plant()
    const result = { ...RESULT, steps: ['x'.repeat(70_000)] }
    await application.store.carryOut(id, { from: 'run', status: 'completed', attempt: 1, runId: 'run-1', result })
    const [message] = await receiver.got(1)
    expect(JSON.parse(message?.body ?? '')).toMatchObject({ data: { result: null, resultOmitted: true } })
  })

  it('an operator’s retry revokes a message, and the next end has one of its own', async () => {
    const id = await plant()
    await fail(id)
    const [held] = await claim()
    await application.store.carryOut(id, { from: 'operator', status: 'retry', by: 'anna', extraAttempts: 1 })
    expect(await row(id)).toEqual({ dueIn: null })
    expect(await held?.note({ delivered: true })).toBeUndefined()
    await application.store.carryOut(id, {
      from: 'run',
      status: 'completed',
      attempt: 2,
      runId: 'run-2',
      result: RESULT,
    })
    const [next] = await claim()
    const key = await keyOf(id)
    expect([held?.id, next?.id]).toEqual([`${key}_failed_1`, `${key}_completed_2`])
    await next?.note({ delivered: true })
  })

  it('a task is not removed before its message is delivered', async () => {
    const id = await plant()
    await fail(id)
    const batch = { endedBefore: { failed: Date.now() / 1000 + 1000 }, limit: 100, artifacts: 'keep' } as const
    while ((await removeEndedTasks(application.store, batch)) > 0);
    expect(await application.store.find(id)).toBeDefined()
    await (await claim())[0]?.note({ delivered: true })
    while ((await removeEndedTasks(application.store, batch)) > 0);
    expect(await application.store.find(id)).toBeUndefined()
  })
})

it('two mains on one PostgreSQL send each message once', async () => {
  const url = await createDatabase()
  const [one, other] = [await openApplication(url), await openApplication(url)]
  try {
    const ids = await Promise.all(
      Array.from({ length: 20 }, () => plantTask(one.controller, { webhook: receiver.url })),
    )
    for (const id of ids) await one.store.carryOut(id, { from: 'operator', status: 'cancelled', by: 'anna' })
    const held: Array<() => void> = []
    // No answer before all have come: one main alone would send ten.
    receiver.answer = (response) => void held.push(() => response.writeHead(204).end())
    startSender(one)
    startSender(other)
    const messages = await receiver.got(20)
    expect(new Set(messages.map(({ id }) => id)).size).toBe(20)
    for (const answer of held) answer()
    await eventually(async () => {
      const lengths = await one.store.timelineLengths(
        await Promise.all(ids.map(async (id) => (await one.store.find(id))?.taskKey ?? '')),
      )
      expect([...lengths.values()]).toEqual(ids.map(() => 2))
    })
    expect(receiver.seen).toHaveLength(20)
  } finally {
    await Promise.all(senders.splice(0).map((stop) => stop()))
    await Promise.all([one.close(), other.close()])
  }
})

it('what was refused is claimed again as soon as it is due', async () => {
  let dueAt = performance.now()
  let foundNone = () => {}
  const nothingDue = new Promise<void>((resolve) => {
    foundNone = resolve
  })
  receiver.answer = (response) => void nothingDue.then(() => response.writeHead(500).end())
  const note = async () => {
    dueAt = performance.now() + 100
    queue.due.wake()
    return 'webhookFailed' as const
  }
  const webhook = { id: 'one', url: receiver.url, body: '{}', taskKey: 'key', tries: 1, note }
  const queue = {
    due: new Arrivals(),
    dueInSeconds: async () => {
      if (dueAt === Number.POSITIVE_INFINITY) foundNone()
      return (dueAt - performance.now()) / 1000
    },
    claim: async () => {
      dueAt = Number.POSITIVE_INFINITY
      return [webhook]
    },
  }
  send(() => queue)
  await expect.poll(() => receiver.seen.length, { timeout: 5_000 }).toBeGreaterThanOrEqual(2)
})
