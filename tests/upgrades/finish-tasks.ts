/** Brings the tasks of an earlier release to their ends, as the daemons of then and of today do. */

import type { TaskState } from '@/protocol/index.js'
import { databaseOf, physicalEntity, reading } from '@/tasks/database/sql.js'
import type { Answer, TestMain } from '../support/main.js'
import { APPLICATION_APIS } from './fixtures.js'
import { RESULTS } from './recorder.js'

const ENTITIES: Record<string, string> = {
  testAsyncTask: 'TestAsyncTaskAPICall',
  fangzhouVideoGeneration: 'FangzhouVideoAPICall',
  nanobanana2ImageGeneration: 'Nanobanana2APICall',
}

export interface StoredTask {
  namespace: string
  id: string
  taskKey: string
  userId: string | null
  createdAt: number
  state: TaskState
}

/** All tasks of all integrations, oldest first. */
export async function storedTasks({ component: { controller } }: TestMain): Promise<StoredTask[]> {
  const tasks: StoredTask[] = []
  for (const [namespace, entity] of Object.entries(ENTITIES)) {
    const { table, column } = physicalEntity(controller, entity)
    const fields = ['id', 'taskKey', 'userId', 'createdAt', 'state'].map((name) => `${column(name)} AS "${name}"`)
    const sql = `SELECT ${fields.join(', ')} FROM ${table} ORDER BY ${column('createdAt')}`
    const rows = await reading(controller, 'stored tasks', () => databaseOf(controller).query<StoredTask>(sql, []))
    tasks.push(...rows.map((row) => ({ ...row, namespace, id: String(row.id) })))
  }
  return tasks
}

/** What a task has come to, and by which way: its answers, in order. */
export async function finish(main: TestMain, task: StoredTask): Promise<Answer[]> {
  const { state } = task
  const attempt = state.attempts + 1
  const answers: Answer[] = []
  const report = async (what: object) => {
    const { reportAPI } = APPLICATION_APIS[task.namespace] ?? {}
    const { id: apiCallId, taskKey } = task
    answers.push(await main.internalPost(`/api/${task.namespace}/${reportAPI}`, { apiCallId, taskKey, ...what }))
  }
  const complete = (runId: string) => report({ status: 'completed', attempt, runId, result: RESULTS[task.namespace] })
  const claimAndRun = async () => {
    await report({ status: 'queued', fencingToken: 'token-of-an-upgraded-daemon' })
    if (answers[0]?.status !== 200) return
    const runId = state.status === 'queued' && state.runId ? state.runId : 'run-of-an-upgraded-daemon'
    await report({ status: 'begin', attempt, runId, createIntent: true })
    // As today's runs do, and earlier ones did not.
    await report({ status: 'processing', attempt, runId })
    const reason = { code: 'provider_unavailable', message: 'The provider said 503' }
    await report({ status: 'waiting', attempt, runId, reason, nextTrySeconds: 1 })
    await report({ status: 'resumed', attempt, runId })
    await complete(runId)
  }

  const leaseIsOver = state.leaseExpiresAt !== null && state.leaseExpiresAt < Date.now() / 1000
  if (state.status === 'pending' || state.status === 'failed' || leaseIsOver) await claimAndRun()
  // What an earlier daemon's runs send, which go on through the upgrade.
  else if (state.status === 'processing') await complete(state.runId ?? '')
  else if (state.status === 'queued') {
    const runId = state.runId ?? 'run-of-an-earlier-daemon'
    await report({ status: 'begin', attempt, runId, createIntent: true })
    await report({ status: 'processing', attempt, runId, providerTask: { id: 'provider-task', attempt } })
    await complete(runId)
  }
  return answers
}
