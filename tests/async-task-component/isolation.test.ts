/** One integration's trouble is its own. */
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { eventually } from '../support/eventually.js'
import { ProtocolMain } from '../support/protocol-main.js'
import { ALPHA_QUEUE, createProcessor, startWorkers, uniqueName } from './support.js'

const TASKS = 30

let temporal: Awaited<ReturnType<typeof startWorkers>>
let main: ProtocolMain
beforeAll(async () => {
  temporal = await startWorkers(inject('temporalAddress'), ['alpha', 'unbundlable'])
  main = await ProtocolMain.start()
})
afterAll(async () => {
  await main.stop()
  await temporal.stop()
})

/** From a task's creation to its claim, in milliseconds: the median of one task after another. */
async function pickUpMs(troubled: ReturnType<ProtocolMain['config']>[]): Promise<number> {
  const namespace = uniqueName('healthy')
  const { temporalNamespace, workers } = temporal
  const processor = createProcessor(inject('temporalAddress'), {
    temporalNamespace,
    isWorkerRunning: (queue) => workers.isRunning(queue),
    requestTimeoutMs: 30_000,
  })
  await processor.start([main.config(namespace, { taskQueue: ALPHA_QUEUE }), ...troubled])
  const taken: number[] = []
  for (let i = 0; i < TASKS; i += 1) {
    const id = `${namespace}-${i}`
    const addedAt = performance.now()
    main.add(namespace, id)
    await main.until(() => main.task(id).state.status === 'queued')
    taken.push(performance.now() - addedAt)
  }
  // What hangs would hold up the stop as well.
  main.fault = () => undefined
  await main.stop()
  await processor.stop()
  await main.listen()
  return taken.sort((a, b) => a - b)[TASKS / 2] ?? Number.NaN
}

it('a hanging endpoint, a broken bundle and a throttled provider do not slow down the others', async () => {
  const calm = await pickUpMs([])

  const [hanging, broken, throttled] = [uniqueName('hanging'), uniqueName('broken'), uniqueName('throttled')]
  main.fault = ({ namespace }) => (namespace === hanging ? 'hang' : undefined)
  for (const namespace of [hanging, broken, throttled]) {
    for (let i = 0; i < 20; i += 1) main.add(namespace, `${namespace}-${i}`)
  }
  const amidTrouble = await pickUpMs([
    main.config(hanging, { taskQueue: ALPHA_QUEUE }),
    main.config(broken, { taskQueue: 'integration-unbundlable-queue' }),
    main.config(throttled, { taskQueue: ALPHA_QUEUE, workflowName: 'throttledWorkflow' }),
  ])

  // The trouble was there: nothing came of the first two, and the third's workflows are at it.
  const statuses = (namespace: string) =>
    new Set(Array.from({ length: 20 }, (_, i) => main.task(`${namespace}-${i}`).state.status))
  expect([...statuses(hanging), ...statuses(broken)]).toEqual(['pending', 'pending'])
  await eventually(async () => {
    const query = "WorkflowType = 'throttledWorkflow' AND ExecutionStatus = 'Running'"
    expect((await temporal.client.workflow.count(query)).count).toBe(20)
  })
  // A ratio within one run; the slack is for a machine whose scheduler is noisier than a pick-up takes.
  expect(amidTrouble).toBeLessThan(2 * calm + 50)
})
