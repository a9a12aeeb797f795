/** Many claimers, two main processes, one PostgreSQL: their batches are disjoint, and leave nothing. */
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { ClaimTasksAnswer } from '@/protocol/wire.js'
import { type MainProcess, startMainProcess } from '../support/main.js'
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
