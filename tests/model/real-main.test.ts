/** Main on real databases does what the protocol does in memory, whatever is asked of it. */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decide, evolve, initialTaskState, type TaskState } from '@/integrations/shared/protocol/index.js'
import { carryOut } from '@/integrations/shared/task-store.js'
import { type Command, commands } from '../protocol/commands.js'
import { startTestMain, type TestMain } from '../support/main.js'
import { startPostgres, type TestPostgres } from '../support/postgres.js'
import { plantTask, policyWithoutPauses as policy, TEST_TASKS } from '../support/tasks.js'

let postgres: TestPostgres
beforeAll(async () => {
  postgres = await startPostgres()
})
afterAll(() => postgres.stop())

/** All but the times, which are the database's own. */
function timeless({ dueAt, startedAt, leaseExpiresAt, checkedAt, openIntents, ...state }: TaskState) {
  return { ...state, openIntents: openIntents.map(({ attempt }) => attempt) }
}

async function agrees({ component: { controller } }: TestMain, list: Command[]): Promise<void> {
  const id = await plantTask(controller)
  let state = initialTaskState(policy.maxAttempts)
  for (const [index, command] of list.entries()) {
    const request = command.request(state)
    const chance = { newToken: `token-${index}`, random: 0.5, policy }
    const decision = decide(state, request, { ...chance, taskKey: 'the-task', now: index })
    state = decision.events.reduce(evolve, state)

    const done = await carryOut(controller, TEST_TASKS, id, request, chance)
    if (!done) throw new Error('The task is gone')
    const { answer } = decision
    expect(done.answer.ok || done.answer.reason).toEqual(answer.ok || answer.reason)
    expect(timeless(done.state)).toEqual(timeless(state))
  }
}

describe.each(['PGLite', 'PostgreSQL'])('on %s', (database) => {
  let main: TestMain
  beforeAll(async () => {
    main = await startTestMain(database === 'PGLite' ? {} : { databaseUrl: await postgres.createDatabase() })
  })
  afterAll(() => main.stop())

  it('every request is answered and stored as the protocol says', async () => {
    await fc.assert(
      fc.asyncProperty(commands, (list) => agrees(main, list)),
      { numRuns: 150 },
    )
  })
})
