/**
 * `async-task tasks`, against a main: what it shows, what it changes, whom it asks, and its exit codes. One file, as
 * they share that main.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { runTasks } from '@/package/tasks/index.js'
import type { Terminal } from '@/package/tasks/terminal.js'
import { startTestMain, TEST_TOKEN, type TestMain } from '../support/main.js'
import { multiplyTask } from '../support/rows.js'
import { events, plantTask, TEST_TASKS } from '../support/tasks.js'

const TOKEN = 'operator-token-0123456789'
const broken = [events.queued(1, 2000), events.failed(1, 0, false)]

let main: TestMain
beforeAll(async () => {
  const prices = { currency: 'USD', create: 40_000, units: {} }
  main = await startTestMain({
    operatorToken: TOKEN,
    maxTasksInFlight: 5,
    money: { prices, budget: { perDay: 5_000_000 } },
  })
})
afterAll(() => main?.stop())

interface Run {
  /** What somebody at a terminal answers. Default: nobody is there. */
  answer?: string
  env?: NodeJS.ProcessEnv
  stopping?: AbortController
  onProgress?: () => void
  onOut?: () => void
  /** What happens while the question is read. */
  onAsked?: () => Promise<unknown>
}

/** On a busy machine main may be slow at any time. */
const SLOW = 'Main has not answered yet, waiting …'

/** Runs one command: its exit code, and what it wrote; and whether main was slow. */
async function tasks(
  args: string[],
  { answer, env, stopping = new AbortController(), onProgress, onOut, onAsked }: Run = {},
) {
  const written = { out: '', err: '', asked: '' }
  let slow = false
  const write = (to: keyof typeof written, text: string) => {
    if (text === SLOW) slow = true
    else written[to] += `${text}\n`
  }
  const terminal: Terminal = {
    out: (text) => {
      write('out', text)
      onOut?.()
    },
    err: (text) => write('err', text),
    progress: (text) => {
      write('err', text)
      if (text !== SLOW) onProgress?.()
    },
    isAttended: answer !== undefined,
    isScreen: false,
    hasColours: false,
    ask: async (question) => {
      written.asked += question
      await onAsked?.()
      return answer ?? ''
    },
  }
  const options = { env: env ?? { MAIN_URL: main.url, OPERATOR_TOKEN: TOKEN }, terminal, signal: stopping.signal }
  return { code: await runTasks(args, options), ...written, slow }
}

async function plant(userId: string, count: number, planted: Parameters<typeof plantTask>[1] = {}): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    const taskKey = `${userId}-${index}`
    await plantTask(main.component.controller, { userId, taskKey, createdAt: 1000 + index, ...planted })
  }
}

async function statusOf(taskId: string): Promise<string> {
  return JSON.parse((await tasks(['show', taskId, '--json'])).out).status
}

it('lists what filters find as a table, page by page, and as main answers it', async () => {
  await plant('lister', 3)
  const first = await tasks(['list', '--user', 'lister', '--limit', '2', '--since', '1970-01-01T00:00:00Z'])
  expect(first).toMatchObject({ code: 0, err: expect.stringMatching(/^older ones: --after \S+\n$/) })
  const lines = first.out.trimEnd().split('\n')
  expect(lines.map((line) => line.split(/ {2,}/).slice(0, 3))).toEqual([
    ['task', 'integration', 'status'],
    ['lister-2', 'testAsyncTask', 'pending'],
    ['lister-1', 'testAsyncTask', 'pending'],
  ])
  // Columns are below their titles.
  for (const line of lines.slice(1)) expect(line.indexOf('testAsyncTask')).toBe(lines[0]?.indexOf('integration'))
  const after = first.err.split(' ').at(-1)?.trim() ?? ''
  const second = await tasks(['list', '--user', 'lister', '--limit', '2', '--after', after, '--json'])
  expect(JSON.parse(second.out)).toMatchObject({ tasks: [{ taskId: 'lister-0' }], next: null })
  expect(JSON.parse((await tasks(['list', '--user', 'lister', '--since', '1h', '--json'])).out).tasks).toEqual([])
})

it('shows all that is known of a task; nothing that others wrote can steer the terminal', async () => {
  const nasty = { code: 'broken', message: 'It \u001b[2Jbroke\nstatus  completed\u009b1m\u202e' }
  const failed = { ...events.failed(1, 0, false), error: nasty } as never
  await plant('shown', 1, { userId: 'an\u0007na', events: [events.queued(1, 2000), failed] })
  const { code, out } = await tasks(['show', 'shown-0'])
  expect(code).toBe(0)
  expect(out).toMatch(/^status {7}failed/m)
  expect(out).toMatch(/^error {8}It {2}\[2Jbroke status {2}completed 1m {2}\(broken\)$/m)
  expect(out).toMatch(/^attempts {5}1 of 5 have ended, the last for good$/m)
  expect(out).toMatch(/^user {9}an na$/m)
  expect(out).toMatch(/^1 +\d{4}-.* failed +0 +broken +testAsyncTask:.*:shown-0:1/m)
  const listed = await tasks(['list', '--user', 'an\u0007na'])
  const asJSON = await tasks(['show', 'shown-0', '--json'])
  for (const text of [out, listed.out, asJSON.out]) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are looked for.
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
  }
  expect(JSON.parse(asJSON.out).error).toEqual(nasty)
  expect(await tasks(['show', 'nobody-knows'])).toMatchObject({ code: 1, err: expect.stringContaining('404') })
})

it('shows how much each integration has to do', async () => {
  const { code, out } = await tasks(['stats'])
  expect({ code, out }).toMatchObject({ code: 0, out: expect.stringMatching(/^now +pending +to retry +in flight/) })
  expect(out).toMatch(/^testAsyncTask +\d+ +\d+ +\d+ of 5 /m)
  expect(out).toMatch(/^testAsyncTask +\d+ \/ \d+ \/ \d+ +1 \/ 1 \/ 1 /m)
  expect(out).toMatch(/^testAsyncTask +broken +1$/m)
  expect(out).toMatch(/^testAsyncTask +lister +3$/m)
  const { integrations } = JSON.parse((await tasks(['stats', '--integration', 'testAsyncTask', '--json'])).out)
  expect(integrations).toMatchObject([{ integration: 'testAsyncTask', maxTasksInFlight: 5 }])
})

it('tells what tasks cost, and lets one through that its budget holds', async () => {
  const charges = [{ attempt: 1, at: 1000, currency: 'USD', amount: 40_000, basis: 'ambiguous' }]
  const lost = { ...events.failed(1, 0), charges } as never
  await plant('dear', 1, { events: [events.queued(1, 2000), lost] })
  const { out } = await tasks(['show', 'dear-0'])
  expect(out).toMatch(/^cost {9}0\.00 USD, and 0\.04 USD if creates without an answer were made$/m)
  expect(out).toMatch(/^1 .* maybe 0\.04 USD +broken /m)

  expect(await tasks(['let-through', 'dear-0', '--yes'])).toMatchObject({
    code: 2,
    err: expect.stringContaining('--reason'),
  })
  expect(await tasks(['let-through', '--reason', 'x'])).toMatchObject({ code: 2, err: expect.stringContaining('ids') })
  const through = ['let-through', 'dear-0', '--reason', 'the customer waits']
  expect(await tasks(through)).toMatchObject({ code: 2 })
  expect(await tasks(through, { answer: 'y' })).toMatchObject({
    code: 0,
    out: '1 done\n',
    asked: expect.stringContaining('Let through it?'),
  })
  expect((await tasks(['show', 'dear-0'])).out).toMatch(/^let through {2}by an operator, whatever budgets say$/m)
  expect((await tasks(['stats'])).out).toMatch(
    /^spent +in +today .*\n^testAsyncTask +USD +0\.00 +0\.00 +0\.00 +0\.00 +0\.00 +5\.00 \/ -$/m,
  )
})

it('takes an id that begins as an option does', async () => {
  await plantTask(main.component.controller, { userId: 'dash', taskKey: '-W6IltQ-abcdefghijklmn', createdAt: 1000 })
  expect(await tasks(['show', '-W6IltQ-abcdefghijklmn'])).toMatchObject({ code: 0 })
  expect(await statusOf('-W6IltQ-abcdefghijklmn')).toBe('pending')
  expect(await tasks(['show', '-W6IltQ'])).toMatchObject({ code: 2 })
})

it('watches a task until it is over, which its exit code tells', async () => {
  await plant('watched', 1, { events: broken })
  expect(await tasks(['watch', 'watched-0'])).toMatchObject({ code: 1, out: expect.stringMatching(/queued.*failed/s) })
  const done = [events.queued(1, 2000), events.processing(1), events.completed(1)]
  await plant('done', 1, { events: done })
  const { code, out } = await tasks(['watch', 'done-0', '--json'])
  const types = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).type)
  expect({ code, types }).toEqual({ code: 0, types: ['queued', 'processing', 'completed'] })
})

it('changes nothing unless somebody agreed, or --yes says so', async () => {
  await plant('asked', 2)
  const filters = ['cancel', '--user', 'asked']
  expect(await tasks(filters)).toMatchObject({ code: 2, out: '', err: expect.stringContaining('--yes') })
  expect(await tasks(['cancel', 'asked-0'])).toMatchObject({ code: 2 })
  expect(await tasks(filters, { answer: '' })).toMatchObject({ code: 1, asked: expect.stringContaining('2 tasks') })
  expect(await tasks(filters, { answer: 'no' })).toMatchObject({ code: 1, err: 'Nothing was changed.\n' })
  const counted = await tasks([...filters, '--dry-run', '--json'])
  expect({ ...counted, out: JSON.parse(counted.out) }).toMatchObject({ code: 0, out: { found: 2 } })
  expect([await statusOf('asked-0'), await statusOf('asked-1')]).toEqual(['pending', 'pending'])

  expect(await tasks(['cancel', 'asked-0'], { answer: 'y' })).toMatchObject({ code: 0, out: '1 done\n' })
  expect([await statusOf('asked-0'), await statusOf('asked-1')]).toEqual(['cancelled', 'pending'])
  expect(await tasks([...filters, '--yes'])).toMatchObject({ code: 0, out: '1 done\n' })
  expect(await statusOf('asked-1')).toBe('cancelled')
})

it('retries what filters find in batches, tells how far it is, stops in order, and goes on when asked again', async () => {
  const { controller } = main.component
  const first = await plantTask(controller, { userId: 'many', taskKey: 'many', events: broken })
  await multiplyTask(controller, TEST_TASKS, first, 69)
  const args = ['retry', '--user', 'many', '--by', 'anna', '--reason', 'fixed', '--yes']
  const stopping = new AbortController()
  const stopped = await tasks(args, { stopping, onProgress: () => stopping.abort() })
  expect(stopped).toMatchObject({
    code: 130,
    out: '50 done\n',
    err: expect.stringMatching(/^50 of 70 done\nStopped: /),
  })

  const { code, out, err } = await tasks([...args, '--json'])
  expect({ code, report: JSON.parse(out) }).toEqual({ code: 0, report: { done: 70, refused: {} } })
  expect(err).toBe('50 of 70 done\n70 of 70 done\n')
  const { acts } = (await main.internalGet('/api/testAsyncTask/operatorActs?limit=1')).body
  expect(acts).toMatchObject([{ by: 'anna', why: 'fixed', who: 'operator' }])
})

it('names each task that was refused, and why', async () => {
  await plant('refused', 1, { events: broken })
  await plant('waiting', 1)
  const { code, out } = await tasks(['retry', 'waiting-0', 'refused-0', '--extra-attempts', '2', '--yes'])
  expect({ code, out }).toEqual({
    code: 1,
    out: expect.stringMatching(/^1 done\n1 refused: waiting-0: It is pending: only what has failed /),
  })
  expect(JSON.parse((await tasks(['show', 'refused-0', '--json'])).out)).toMatchObject({
    attemptLimit: 5,
    dueAt: expect.any(Number),
  })
})

it('says that tasks were left alone, which had moved on while somebody agreed', async () => {
  await plant('moving', 3)
  const onAsked = () => tasks(['cancel', 'moving-0', 'moving-1', '--yes'])
  const { code, out } = await tasks(['cancel', '--user', 'moving'], { answer: 'y', onAsked })
  expect({ code, out }).toEqual({ code: 0, out: expect.stringMatching(/^1 done\n2 left alone: .*moved on/) })
})

it('warns before a retry that may be charged twice, by ids and by filters', async () => {
  const error = { code: 'create_answer_lost', message: 'It was lost' }
  const lost = { ...events.failed(1, 0, false), error } as never
  await plant('lost', 2, { events: [events.queued(1, 2000), lost] })
  await plant('lost-not', 1, { userId: 'lost', events: broken })
  for (const what of [
    ['lost-0', 'lost-1', 'lost-not-0'],
    ['--user', 'lost'],
  ]) {
    const { asked } = await tasks(['retry', ...what], { answer: 'n' })
    expect(asked).toMatch(/answers of 2 of them got lost.*a retry may be charged twice/)
    expect((await tasks(['cancel', '--dry-run', ...what])).out).not.toMatch(/twice/)
  }
  expect((await tasks(['retry', '--user', 'lost', '--code', 'broken'], { answer: 'n' })).asked).not.toMatch(/twice/)
})

async function actsOf(integration: string) {
  const { body } = await main.get(`/api/${integration}/operatorActs`, { authorization: `Bearer ${TOKEN}` })
  return body.acts.map(({ act, by, why }: { act: string; by: string; why: string | null }) => [act, by, why])
}

it('pauses and resumes an integration, with who and why', async () => {
  const pause = ['pause', 'testAsyncTask', '--by', 'anna', '--reason', 'its bill']
  const before = await actsOf('testAsyncTask')
  expect(await tasks(pause)).toMatchObject({ code: 2, err: expect.stringContaining('--yes') })
  expect(await tasks(pause, { answer: 'n' })).toMatchObject({ code: 1 })
  for (const reason of [[], ['--reason', ' ']]) {
    const refused = await tasks(['pause', 'testAsyncTask', '--yes', ...reason])
    expect(refused).toMatchObject({ code: 2, err: expect.stringContaining('--reason') })
  }
  expect(await actsOf('testAsyncTask')).toEqual(before)
  expect(await tasks(pause, { answer: 'y' })).toMatchObject({ code: 0, asked: 'testAsyncTask: pause? [y/N] ' })
  expect((await tasks(['stats'])).out).toMatch(/^testAsyncTask .* \d+, paused /m)
  const resume = ['resume', 'testAsyncTask', '--by', 'ben', '--yes', '--json']
  expect(JSON.parse((await tasks(resume)).out)).toMatchObject({ paused: null })
  const [resumed, paused] = await actsOf('testAsyncTask')
  expect([paused, resumed]).toEqual([
    ['pause', 'anna', 'its bill'],
    ['resume', 'ben', null],
  ])
})

it('sets the limits of an integration, shows them, and gives them back to the configuration', async () => {
  const limits = (...args: string[]) => tasks(['limits', 'testAsyncTask', ...args])
  expect((await limits()).out).toMatch(/^maxTasksInFlight +5\nmaxTasksInFlightPerUser +any number\nin flight +\d+\n$/)
  expect(await limits('--in-flight', '2')).toMatchObject({ code: 2, err: expect.stringContaining('--yes') })
  expect(await limits('--in-flight', 'few', '--yes')).toMatchObject({ code: 2 })
  expect(await limits('--in-flight-per-user', '0', '--yes')).toMatchObject({ code: 2 })
  const set = await limits('--in-flight', '0', '--in-flight-per-user', '3', '--by', 'anna', '--reason', 'slow', '--yes')
  expect(set).toMatchObject({ code: 0, out: expect.stringMatching(/^maxTasksInFlight +0 \(configured: 5\)$/m) })
  const [act] = await actsOf('testAsyncTask')
  expect(act).toEqual(['setLimits', 'anna', 'slow'])
  const cleared = JSON.parse((await limits('--in-flight', 'none', '--yes', '--json')).out)
  expect(cleared).toMatchObject({ maxTasksInFlight: { configured: 5, set: null }, maxTasksInFlightPerUser: { set: 3 } })
  expect((await limits('--in-flight-per-user', 'none', '--yes')).code).toBe(0)
})

it.each([
  ['a command is missing', []],
  ['no such command', ['restart']],
  ['no such option', ['list', '--all']],
  ['no such option of retry', ['retry', '--status', 'pending']],
  ['a number that is none', ['list', '--limit', 'many']],
  ['a time that is none', ['list', '--since', 'yesterday']],
  ['a status that is none', ['list', '--status', 'stuck']],
  ['neither ids nor filters', ['cancel', '--yes']],
  ['both', ['cancel', 'asked-0', '--user', 'anna', '--yes']],
  ['two ids to show', ['show', 'asked-0', 'asked-1']],
  ['an address that is none', ['stats', '--url', 'main:3000']],
])('is asked wrongly: %s', async (_how, args) => {
  expect(await tasks(args)).toMatchObject({ code: 2, out: '', err: expect.stringMatching(/\S/) })
})

it('says what is wrong with the token or the address', async () => {
  const MAIN_URL = main.url
  expect(await tasks(['stats'], { env: { MAIN_URL } })).toMatchObject({
    code: 2,
    err: expect.stringMatching(/OPERATOR_TOKEN/),
  })
  const wrong = await tasks(['stats'], { env: { MAIN_URL, OPERATOR_TOKEN: 'wrong-token-0123456789' } })
  expect(wrong).toMatchObject({ code: 1, err: expect.stringMatching(/401.*Set OPERATOR_TOKEN/) })
  expect(wrong.err).not.toContain('wrong-token')
  expect(await tasks(['stats'], { env: { MAIN_URL, INTERNAL_API_TOKEN: TEST_TOKEN } })).toMatchObject({ code: 0 })
  const other = createServer((_request, response) => response.end('{"hello": "world"}')).listen(0, '127.0.0.1')
  await once(other, 'listening')
  const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`
  expect(await tasks(['list', '--url', url])).toMatchObject({ code: 1, err: expect.stringContaining('MAIN_URL') })
  other.closeAllConnections()
  await new Promise((resolve) => other.close(resolve))
  const away = await tasks(['stats', '--timeout', '0', '--url', url])
  expect(away).toMatchObject({ code: 1, err: expect.stringMatching(/no answer.*ECONNREFUSED.*MAIN_URL/) })
})

it('says at once that main is slow to answer', async () => {
  const slow = createServer((_request, response) => {
    setTimeout(() => response.end('{"tasks": [], "next": null, "previous": null}'), 1300)
  }).listen(0, '127.0.0.1')
  await once(slow, 'listening')
  const url = `http://127.0.0.1:${(slow.address() as AddressInfo).port}`
  expect(await tasks(['list', '--url', url])).toMatchObject({ code: 0, slow: true, err: '' })
  slow.closeAllConnections()
  await new Promise((resolve) => slow.close(resolve))
})

it('has help for each command', async () => {
  for (const args of [['--help'], ['help'], ['retry', '--help']]) {
    expect(await tasks(args, { env: {} })).toMatchObject({ code: 0, out: expect.stringContaining('Examples') })
  }
})

it('is interrupted by Ctrl-C, before it asks and while it waits', async () => {
  const stopping = new AbortController()
  stopping.abort()
  expect(await tasks(['list'], { stopping })).toMatchObject({ code: 130 })
  const watching = new AbortController()
  // Once it has written, and waits for the next time.
  const onOut = () => void setImmediate(() => watching.abort())
  expect(await tasks(['watch', '--interval', '30'], { stopping: watching, onOut })).toMatchObject({ code: 130 })
})
