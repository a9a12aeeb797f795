/** What traces and metrics cost: the same work with both, and with a tenth of the traces, between two looks without. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { freePort } from '../../temporal/free-port.js'
import type { Figures, Measure } from '../measure.js'
import { BenchSystem } from '../system.js'
import { dispatchTasks } from './dispatch.js'
import { completeTasks } from './life.js'

const SCRAPE_EVERY_MS = 5_000
const A_TENTH = { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.1' }

interface Look {
  perSecond: number
  /** Of a processor, for each task, in main and what dispatches it. */
  ownMs: number
}

export const observing = withAndWithout('tasks that do nothing, completed', (system, tasks) =>
  complete(system, Math.ceil(tasks / 2)),
)

/** As with a provider, processors are not what limits them. Real ones take a hundred times as long. */
const WAITING = { kind: 'longRunning', durationMs: 300 }
const AT_ONCE = { TEST_MAX_TASKS_IN_FLIGHT: '4' }

export const observingWaits = withAndWithout(
  'tasks that wait for 300 ms, completed, four at once',
  (system, tasks) => complete(system, Math.ceil(tasks / 5), WAITING),
  AT_ONCE,
)

export const observingDispatch = withAndWithout('tasks dispatched', async (system, tasks) => {
  const { tasksPerSecond, byPart, count } = await dispatchTasks(system, tasks)
  return { perSecond: tasksPerSecond, ownMs: ((byPart.main ?? 0) + (byPart.dispatcher ?? 0)) / count }
})

async function complete(system: BenchSystem, count: number, request?: object): Promise<Look> {
  const { perSecond, costs } = await completeTasks(system, count, request)
  const { mainMsPerLife = 0, daemonMsPerLife = 0 } = costs
  return { perSecond, ownMs: mainMsPerLife + daemonMsPerLife }
}

function withAndWithout(
  what: string,
  work: (system: BenchSystem, tasks: number) => Promise<Look>,
  configured: NodeJS.ProcessEnv = {},
): Measure {
  return {
    title: `Traces and metrics: ${what} with both, and without`,
    databases: ['postgresql'],
    async run({ database, tasks }): Promise<Figures> {
      const look = (env: NodeJS.ProcessEnv = {}, watch: (mainUrl: string) => void = () => {}) =>
        BenchSystem.with({ database, built: true, env: { ...configured, ...env } }, (system) => {
          watch(system.stack.mainUrl)
          return work(system, tasks)
        })
      const before = await look()
      const all = await whileObserved(look)
      const tenth = await whileObserved((env, watch) => look({ ...env, ...A_TENTH }, watch))
      const after = await look()
      const perSecond = (before.perSecond + after.perSecond) / 2
      const ownMs = (before.ownMs + after.ownMs) / 2
      return {
        toWithout: all.perSecond / perSecond,
        tenthToWithout: tenth.perSecond / perSecond,
        ownTimeToWithout: all.ownMs / ownMs,
        tenthOwnTimeToWithout: tenth.ownMs / ownMs,
        perSecond: all.perSecond,
        ownMsPerTask: all.ownMs,
        ownMsPerTaskWithout: ownMs,
      }
    },
  }
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
