/** Many claimers, two main processes, one PostgreSQL: of each task's claims exactly one wins. */
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Answer, type MainProcess, startMainProcess } from '../support/main.js'
import { createDatabase } from '../support/shared.js'
import { TEST_API } from '../support/tasks.js'

const ROUNDS = 20
const CLAIMS = 100

let mains: MainProcess[] = []

beforeAll(async () => {
  const env = { DATABASE_URL: await createDatabase() }
  mains = await Promise.all([startMainProcess(env), startMainProcess(env)])
})
afterAll(async () => {
  await Promise.all(mains.map((main) => main.stop()))
})

/** Gives its public id, and its row's. */
async function createTask(): Promise<{ taskId: string; id: string }> {
  const main = mains[0] as MainProcess
  const { taskId } = (await main.post('/api/test/run', {})).body
  return { taskId, id: await main.rowIdOf(taskId) }
}

/** As many at once, every other one over the other process. */
function claimOften(apiCallId: string): Promise<Answer[]> {
  return Promise.all(Array.from({ length: CLAIMS }, (_, index) => claim(apiCallId, mains[index % mains.length])))
}

/** Asks again where main had no connection in time, and so stored nothing. */
async function claim(apiCallId: string, main: MainProcess | undefined): Promise<Answer> {
  if (!main) throw new Error('No main is running')
  for (;;) {
    const answer = await main.internalPost(`${TEST_API}/reportTestAsyncTaskResult`, { apiCallId, status: 'queued' })
    if (answer.status !== 503) return answer
    await delay(1000)
  }
}

it(`of ${CLAIMS} concurrent claims of one task one wins, in ${ROUNDS} of ${ROUNDS} rounds`, async () => {
  for (let round = 1; round <= ROUNDS; round++) {
    const { taskId, id } = await createTask()
    const answers = await claimOften(id)
    const won = answers.filter(({ status }) => status === 200)
    const lost = answers.filter(({ status, body }) => status === 409 && body.reason === 'lease_held')
    expect({ round, won: won.length, lost: lost.length }).toEqual({ round, won: 1, lost: CLAIMS - 1 })

    const task = await mains[1]?.get(`/api/test/tasks/${taskId}`)
    expect(task?.body.timeline).toMatchObject([{ type: 'queued', attempt: 1 }])
  }
}, 600_000)
