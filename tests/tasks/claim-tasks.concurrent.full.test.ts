/** Many claimers, two main processes, one PostgreSQL: their batches are disjoint, and leave nothing. */
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { manyListeners, withTimeout } from '@/lib/abort.js'
import type { ClaimTasksAnswer } from '@/protocol/wire.js'
import { eventually } from '../support/eventually.js'
import { type MainProcess, startMainProcess, TEST_TOKEN } from '../support/main.js'
import { createDatabase } from '../support/shared.js'
import { TEST_API } from '../support/tasks.js'

const ROUNDS = 20
const CLAIMERS = 100
const TASKS = 60

let mains: MainProcess[] = []
beforeAll(async () => {
  const env = { DATABASE_URL: await createDatabase() }
  mains = await Promise.all([startMainProcess(env), startMainProcess(env)])
})
afterAll(async () => {
  await Promise.all(mains.map((main) => main.stop()))
})

const mainOf = (index: number) => mains[index % mains.length] as MainProcess

/** Under the same claimId until it is answered, by one main or the other: main may have no connection in time. */
async function claim(index: number): Promise<ClaimTasksAnswer['tasks']> {
  const request = { claimId: randomUUID(), limit: 1 + (index % 4) }
  for (let tries = index; ; tries += 1) {
    const { status, body } = await mainOf(tries).internalPost(`${TEST_API}/claimTasks`, request)
    if (status === 200) return body.tasks
    expect({ status, body }).toMatchObject({ status: 503 })
    await delay(500)
  }
}

it(`${CLAIMERS} claimers at once get disjoint batches, in ${ROUNDS} of ${ROUNDS} rounds`, async () => {
  for (let round = 1; round <= ROUNDS; round++) {
    const created = await Promise.all(
      Array.from({ length: TASKS }, (_, index) => mainOf(index).post('/api/test/run', {})),
    )
    const taskIds = created.map(({ body }) => body.taskId as string)
    const claimed = await Promise.all(Array.from({ length: CLAIMERS }, (_, index) => claim(index)))
    const left = await claim(3 * CLAIMERS)
    const keys = [...claimed.flat(), ...left].map(({ taskKey }) => taskKey)
    expect({ round, claimed: keys.sort() }).toEqual({ round, claimed: taskIds.sort() })
  }
  // Each has been claimed once.
  const { body } = await mainOf(0).internalGet(`${TEST_API}/fetchPendingTasks`)
  expect(body.tasks).toEqual([])
}, 600_000)

it('who waits while tasks are created learns of each task that it was given, and nobody else does, whatever answers are lost', async () => {
  const claimed = new Map<string, Set<string>>()
  const done = new AbortController()
  manyListeners(done.signal)
  const ask = async (index: number, request: object, signal: AbortSignal): Promise<ClaimTasksAnswer | undefined> => {
    const main = mainOf(index)
    const headers = { authorization: `Bearer ${TEST_TOKEN}`, 'content-type': 'application/json' }
    const init = { method: 'POST', headers, body: JSON.stringify(request), signal }
    const response = await fetch(`${main.url}${TEST_API}/claimTasks`, init).catch(() => undefined)
    const body = await response?.json().catch(() => undefined)
    return response?.status === 200 ? (body as ClaimTasksAnswer | undefined) : undefined
  }
  const learn = ({ tasks }: ClaimTasksAnswer) => {
    for (const { taskKey, fencingToken } of tasks) {
      claimed.set(taskKey, (claimed.get(taskKey) ?? new Set()).add(fencingToken))
    }
  }
  /** Breaks its requests off after a while, and sends the same claimId again, to the other main. */
  const claimer = async (index: number) => {
    let claimId: string = randomUUID()
    for (let tries = index; !done.signal.aborted; tries += 1) {
      const request = { claimId, limit: 1 + (index % 3), waitSeconds: 5 }
      const ms = 1 + Math.random() * 60
      const answer = await withTimeout(ms, [done.signal], (signal) => ask(tries, request, signal))
      if (answer) learn(answer)
      if (answer?.claimed) claimId = randomUUID()
    }
    const last = await ask(index, { claimId, limit: 0 }, AbortSignal.timeout(10_000))
    learn(last ?? expect.fail('The last question was not answered'))
  }
  const claimers = Array.from({ length: 12 }, (_, index) => claimer(index))
  const created: string[] = []
  const creator = async (index: number) => {
    for (let count = 0; count < TASKS; count += 1) {
      const { body } = await mainOf(index + count).post('/api/test/run', {})
      created.push(body.taskId)
      await delay(Math.random() * 20)
    }
  }
  await Promise.all([0, 1, 2, 3].map(creator))
  await eventually(async () => {
    const { body } = await mainOf(0).internalGet(`${TEST_API}/fetchPendingTasks`)
    expect(body.tasks).toEqual([])
  }, 30_000)
  done.abort()
  await Promise.all(claimers)
  expect([...claimed.keys()].sort()).toEqual(created.sort())
  expect([...claimed.values()].filter((tokens) => tokens.size !== 1)).toEqual([])
})
