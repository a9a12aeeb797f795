/** An application that follows its tasks' changes: it sees every one, and where none does, none is looked for. */
import { randomUUID } from 'node:crypto'
import { Controller, Count, Dictionary, RecordMutationSideEffect } from 'interaqt'
import { PGLiteDB } from 'interaqt/drivers'
import { afterEach, expect, it } from 'vitest'
import { DEFAULT_TASK_POLICY } from '@/protocol/index.js'
import { DatabaseSystem, databaseOf, inTransaction } from '@/tasks/database/sql.js'
import { callEntityNames, createCallEntities, labelled } from '@/tasks/entities.js'
import { addIntegrationControls } from '@/tasks/integration-control.js'
import { listenersOf } from '@/tasks/listeners.js'
import { TaskStore } from '@/tasks/task-store.js'
import { withSender } from '@/testing/messages.js'
import { startTestMain } from '../support/main.js'
import { events, plantTask } from '../support/tasks.js'

const NAMES = callEntityNames('Followed')

let controller: Controller | undefined
afterEach(async () => {
  controller?.teardown()
  if (controller) await databaseOf(controller).close?.()
})

async function application(
  given: (entities: ReturnType<typeof createCallEntities>) => Partial<ConstructorParameters<typeof Controller>[0]>,
): Promise<Controller> {
  const entities = createCallEntities(NAMES, 5)
  const model = Object.values(entities)
  addIntegrationControls(model)
  controller = new Controller({
    system: new DatabaseSystem(new PGLiteDB()),
    entities: model,
    relations: [],
    ...given(entities),
  })
  await controller.setup(true)
  return controller
}

const counting = (name: string, status: string) =>
  labelled(`${name}.v1`, (task: { status?: string }) => task.status === status)

it('a computation on the status sees each change, of claims in a batch and of reports', async () => {
  const count = (apiCall: ReturnType<typeof createCallEntities>['apiCall'], status: string) =>
    Dictionary.create({
      name: status,
      type: 'number',
      collection: false,
      computation: Count.create({ record: apiCall, attributeQuery: ['status'], callback: counting(status, status) }),
    })
  const following = await application(({ apiCall }) => ({
    dict: ['queued', 'completed'].map((status) => count(apiCall, status)),
  }))
  const ids = [await plantTask(following, {}, NAMES), await plantTask(following, {}, NAMES)]
  const store = new TaskStore(following, NAMES, { policy: DEFAULT_TASK_POLICY })
  const { dict } = following.system.storage
  const { tasks } = await store.claim({ claimId: randomUUID(), limit: 5 }, new AbortController().signal)
  expect([tasks.map(({ id }) => id), await dict.get('queued')]).toEqual([ids, 2])
  await store.carryOut(ids[0] ?? '', withSender({ status: 'completed', attempt: 1, runId: 'run-1', result: {} }))
  expect([await dict.get('queued'), await dict.get('completed')]).toEqual([1, 1])

  expect(store.listeners).toEqual(expect.arrayContaining(['queued', 'completed']))
})

it.each(['apiCall', 'integrationEvent'] as const)('a side effect on the %s is found', async (entity) => {
  const effect = RecordMutationSideEffect.create({
    name: 'tells the people',
    record: { name: NAMES[entity] },
    content: async () => undefined,
  })
  const following = await application(() => ({ recordMutationSideEffects: [effect] }))
  expect(listenersOf(following, NAMES)).toEqual(['tells the people'])
})

it('nothing of this application follows them: they are written set-based', async () => {
  const main = await startTestMain()
  try {
    for (const prefix of ['FangzhouVideo', 'Nanobanana2', 'TestAsyncTask']) {
      expect(listenersOf(main.component.controller, callEntityNames(prefix))).toEqual([])
    }
  } finally {
    await main.stop()
  }
})

it('interaqt goes on from what was written set-based', async () => {
  const own = await application(() => ({}))
  const id = await plantTask(own, {}, NAMES)
  const store = new TaskStore(own, NAMES, { policy: DEFAULT_TASK_POLICY })
  expect(store.listeners).toEqual([])
  await store.claim({ claimId: randomUUID(), limit: 1 }, new AbortController().signal)
  const data = events.processing(1)
  const event = { apiCallId: id, eventType: data.type, attempt: 1, at: 1, supersedes: null, data }
  await inTransaction(own, 'by interaqt', () => own.system.storage.create(NAMES.integrationEvent, event))

  const row = await own.system.storage.findOne(NAMES.apiCall, undefined, undefined, ['status', 'state'])
  expect(row).toMatchObject({ status: 'processing', state: { status: 'processing' } })
})
