/** A task that costs money while it is under way, for a daemon to be stopped at. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client, Connection } from '@temporalio/client'
import { expect, inject } from 'vitest'
import { attemptWorkflowId } from '@/protocol/names.js'
import { ProtocolMain, TEST_TOKEN } from '@/testing/protocol-main.js'
import { createImageGatewaySimulator } from '@/tools/simulators/index.js'
import { createTemporalNamespace } from '../async-task-component/support.js'
import { eventually } from '../support/eventually.js'

const NAMESPACE = 'nanobanana2ImageGeneration'
const TASK = 'task-1'

/** A main with an image to be made, and a gateway that takes its time. */
export async function imageTask(latencyMs = 2000) {
  const folder = await mkdtemp(join(tmpdir(), 'image-task-'))
  const connection = await Connection.connect({ address: inject('temporalAddress') })
  const temporalNamespace = await createTemporalNamespace(connection)
  const main = await ProtocolMain.start()
  const gateway = createImageGatewaySimulator({ latencyMs })
  const { url } = await gateway.start()
  // A look at whether a simulator is there is a request too.
  const asked = () => gateway.requests.filter(({ method }) => method === 'POST').length
  const { taskKey } = main.add(NAMESPACE, TASK, { prompt: 'A lighthouse in fog' })
  return {
    /** A daemon's. */
    env: {
      INTERNAL_API_TOKEN: TEST_TOKEN,
      TEMPORAL_ADDRESS: inject('temporalAddress'),
      TEMPORAL_NAMESPACE: temporalNamespace,
      MAIN_URL: main.url,
      IMAGE_SIMULATOR_URL: url,
      ARTIFACTS_DIR: join(folder, 'artifacts'),
    },
    folder,
    /** Resolves once the gateway is at the image. */
    requested: () => eventually(() => expect(asked()).toBe(1)),
    /** Whether Temporal has the image, so that no next daemon pays for it again. */
    async isKept(): Promise<boolean> {
      const { workflow } = new Client({ connection, namespace: temporalNamespace })
      const { events } = await workflow.getHandle(attemptWorkflowId(NAMESPACE, TASK, taskKey, 1)).fetchHistory()
      const completed = (events ?? []).map((event) => event.activityTaskCompletedEventAttributes?.scheduledEventId)
      return (events ?? []).some(
        ({ eventId, activityTaskScheduledEventAttributes: scheduled }) =>
          scheduled?.activityType?.name === 'createResult' && completed.some((id) => id && eventId?.equals(id)),
      )
    },
    /** How often the gateway was asked for it. */
    get requests(): number {
      return asked()
    },
    async close(): Promise<void> {
      await gateway.stop()
      await main.stop()
      await connection.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
