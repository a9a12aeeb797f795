/** What traces and metrics cost: tasks completed with both, between two looks at the same without. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { freePort } from '../../temporal/free-port.js'
import type { Figures, Measure } from '../measure.js'
import { BenchSystem } from '../system.js'
import { completeTasks } from './life.js'

/** Of a round's tasks: each is completed. */
const SHARE = 0.5
const SCRAPE_EVERY_MS = 5_000

export const observing: Measure = {
  title: 'Traces and metrics: tasks completed with both, and without',
  databases: ['postgresql'],
  async run({ database, tasks }) {
    const count = Math.ceil(tasks * SHARE)
    const complete = (env: NodeJS.ProcessEnv = {}, watch: (mainUrl: string) => void = () => {}) =>
      BenchSystem.with({ database, env }, (system) => {
        watch(system.stack.mainUrl)
        return completeTasks(system, count)
      })
    const before = await complete()
    const observed = await whileObserved(complete)
    const after = await complete()
    const without = (of: (look: typeof before) => number) => (of(before) + of(after)) / 2
    return {
      completedToWithout: observed.perSecond / without(({ perSecond }) => perSecond),
      ownTimeToWithout: ownMs(observed.costs) / without(({ costs }) => ownMs(costs)),
      completedPerSecond: observed.perSecond,
      ownMsPerLife: ownMs(observed.costs),
    }
  },
}

/** Of a processor, for each task, in main and the daemon. */
function ownMs({ mainMsPerLife = 0, daemonMsPerLife = 0 }: Figures): number {
  return mainMsPerLife + daemonMsPerLife
}

/** Runs work with a collector that takes all traces, and a Prometheus that scrapes main and the daemon. */
async function whileObserved<T>(
  work: (env: NodeJS.ProcessEnv, watch: (mainUrl: string) => void) => Promise<T>,
): Promise<T> {
  const collector = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(200).end())
  }).listen(0, '127.0.0.1')
  await once(collector, 'listening')
  const daemon = await freePort()
  const urls = [`http://127.0.0.1:${daemon}`]
  const scrape = (url: string) =>
    fetch(`${url}/metrics`, { signal: AbortSignal.timeout(SCRAPE_EVERY_MS) })
      .then((response) => response.arrayBuffer())
      // It has not started, or has ended.
      .catch(() => undefined)
  const scraping = setInterval(() => void Promise.all(urls.map(scrape)), SCRAPE_EVERY_MS)
  try {
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`,
      ASYNC_TASK_HEALTH_PORT: String(daemon),
      METRICS_ALLOW_ANONYMOUS: 'true',
    }
    return await work(env, (mainUrl) => void urls.push(mainUrl))
  } finally {
    clearInterval(scraping)
    collector.closeAllConnections()
    collector.close()
  }
}
