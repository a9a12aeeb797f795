/**
 * Stopping, as people and supervisors do it, through npm's scripts: a paid request that is under way comes to its
 * end, its result is kept, and what npm ends with says so.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client, Connection } from '@temporalio/client'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { attemptWorkflowId } from '@/integrations/shared/names.js'
import { createImageGatewaySimulator } from '@/simulators/index.js'
import { createTemporalNamespace } from '../async-task-component/support.js'
import { eventually } from '../support/eventually.js'
import { ProtocolMain, TEST_TOKEN } from '../support/protocol-main.js'
import { Terminal } from './terminal.js'

const NAMESPACE = 'nanobanana2ImageGeneration'
const TASK = 'task-1'
const STARTS = 20
/** As many as two cores start in a time that people wait. */
const AT_ONCE = 5

let folder: string
let connection: Connection
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stopping-'))
  connection = await Connection.connect({ address: inject('temporalAddress') })
})
afterAll(async () => {
  await connection.close()
  await rm(folder, { recursive: true, force: true })
})

/** A main with an image to be made, and a gateway that takes its time. */
async function imageTask() {
  const temporalNamespace = await createTemporalNamespace(connection)
  const main = await ProtocolMain.start()
  const gateway = createImageGatewaySimulator({ latencyMs: 2000 })
  const { url } = await gateway.start()
  const { taskKey } = main.add(NAMESPACE, TASK, { prompt: 'A lighthouse in fog' })
  return {
    env: {
      INTERNAL_API_TOKEN: TEST_TOKEN,
      TEMPORAL_ADDRESS: inject('temporalAddress'),
      TEMPORAL_NAMESPACE: temporalNamespace,
      MAIN_URL: `http://127.0.0.1:${main.port}`,
      IMAGE_SIMULATOR_URL: url,
      ARTIFACTS_DIR: join(folder, temporalNamespace),
    },
    requested: () => eventually(() => expect(gateway.requests).toHaveLength(1)),
    /** Which activities have completed: what the next daemon will not do again. */
    async completed(): Promise<unknown[]> {
      const { workflow } = new Client({ connection, namespace: temporalNamespace })
      const { events } = await workflow.getHandle(attemptWorkflowId(NAMESPACE, TASK, taskKey, 1)).fetchHistory()
      return (events ?? []).flatMap(({ activityTaskCompletedEventAttributes: completed }) => {
        const scheduled = completed && events?.find(({ eventId }) => eventId?.equals(completed.scheduledEventId ?? -1))
        return scheduled?.activityTaskScheduledEventAttributes?.activityType?.name ?? []
      })
    },
    async close() {
      await gateway.stop()
      await main.stop()
    },
  }
}

describe('npm run start:async-task', () => {
  it(`ends in order at one Ctrl-C, ${STARTS} times of ${STARTS}`, async () => {
    const outcomes: unknown[] = []
    for (let started = 0; started < STARTS; started += AT_ONCE) {
      outcomes.push(...(await Promise.all(Array.from({ length: AT_ONCE }, stopByCtrlC))))
    }
    const inOrder = { code: 0, saidStopped: true, kept: true }
    expect(outcomes).toEqual(outcomes.map(() => inOrder))
  })

  async function stopByCtrlC() {
    const task = await imageTask()
    const terminal = new Terminal(['npm', 'run', 'start:async-task'], task.env)
    try {
      await task.requested()
      terminal.pressCtrlC()
      const code = await terminal.exit
      const kept = (await task.completed()).includes('generateImage')
      return { code, saidStopped: terminal.output.includes('stopped'), kept }
    } finally {
      await terminal.close()
      await task.close()
    }
  }

  it('ends in order where npm is sent SIGTERM', async () => {
    const task = await imageTask()
    const npm = spawn('npm', ['run', 'start:async-task'], {
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...task.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    npm.stdout.on('data', (data) => {
      output += data
    })
    await task.requested()
    npm.kill('SIGTERM')

    expect(await once(npm, 'exit')).toEqual([0, null])
    expect(output).toContain('"msg":"stopped"')
    expect(await task.completed()).toContain('generateImage')
    await task.close()
  })
})
