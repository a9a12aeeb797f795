/** Queues on PostgreSQL that others make, set up as their documentation advises for throughput. */
import { Logger as GraphileLogger, makeWorkerUtils, run } from 'graphile-worker'
import pLimit from 'p-limit'
import PgBoss from 'pg-boss'
import { CONCURRENCY } from './bare.js'

const JOB = 'start-workflow'
/** The shortest that pg-boss accepts. */
const POLL_SECONDS = 0.5

type Start = (id: string) => Promise<unknown>

export interface Peer {
  /** Makes what it needs in the database, and gives what adds jobs. */
  sender(url: string): Promise<{ send(ids: string[]): Promise<void>; close(): Promise<void> }>
  /** Executes the jobs until it is told to stop. */
  work(url: string, start: Start): Promise<() => Promise<void>>
}

const silent = new GraphileLogger(() => () => {})

const graphileWorker: Peer = {
  async sender(connectionString) {
    const utils = await makeWorkerUtils({ connectionString, logger: silent })
    await utils.migrate()
    return {
      send: async (ids) => {
        await utils.addJobs(ids.map((id) => ({ identifier: JOB, payload: { id } })))
      },
      close: async () => utils.release(),
    }
  },
  async work(connectionString, start) {
    const runner = await run({
      connectionString,
      concurrency: CONCURRENCY,
      logger: silent,
      noHandleSignals: true,
      taskList: { [JOB]: async (payload) => void (await start((payload as { id: string }).id)) },
      preset: { worker: { localQueue: { size: CONCURRENCY + 1 }, completeJobBatchDelay: 0 } },
    })
    return () => runner.stop()
  },
}

const pgBoss: Peer = {
  async sender(connectionString) {
    const boss = await started(connectionString)
    await boss.createQueue(JOB)
    return {
      send: (ids) => boss.insert(ids.map((id) => ({ name: JOB, data: { id } }))),
      close: () => boss.stop(),
    }
  },
  async work(connectionString, start) {
    const boss = await started(connectionString)
    const limit = pLimit(CONCURRENCY)
    // It waits between batches, so they have to be large.
    const options = { batchSize: 10 * CONCURRENCY, pollingIntervalSeconds: POLL_SECONDS }
    await boss.work<{ id: string }>(JOB, options, (jobs) =>
      Promise.all(jobs.map(({ data }) => limit(() => start(data.id)))),
    )
    return () => boss.stop()
  },
}

export const PEERS = { graphileWorker, pgBoss } satisfies Record<string, Peer>

async function started(connectionString: string): Promise<PgBoss> {
  const boss = new PgBoss({ connectionString, supervise: false, schedule: false })
  boss.on('error', (error) => {
    throw error
  })
  return boss.start()
}
