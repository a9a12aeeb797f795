/** Two releases on one database, one Temporal server and one pair of simulators, each process separately. */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Client, Connection } from '@temporalio/client'
import { z } from 'zod'
import { type Child, startChild } from '../../stack/child.js'
import { simulatorProgram } from '../../stack/program.js'
import { freePort } from '../../temporal/free-port.js'
import { startTemporalServer, type TemporalServer } from '../../temporal/server.js'
import { seededRandom } from '../random.js'
import { FaultProxy } from '../system/fault-proxy.js'
import { KINDS } from '../witnesses/database.js'
import { type DatabaseKind, startDatabase, type UpgradedDatabase } from './database.js'

export interface Release {
  name: string
  /** Its checkout; without one, this repository. */
  checkout?: string
}

/** Nothing new is claimed; tasks in flight continue. */
export const CLAIM_NOTHING = {
  ARK_MAX_TASKS_IN_FLIGHT: '0',
  IMAGE_MAX_TASKS_IN_FLIGHT: '0',
  TEST_MAX_TASKS_IN_FLIGHT: '0',
}

/** Long enough that runs are in flight whenever something is stopped. */
const PROVIDER_LATENCY_MS = 4_000
const LOOK_EVERY_MS = 2_000
const CALL_TIMEOUT_MS = 30_000

const requestLog = z.object({
  requests: z.array(z.object({ created: z.string().optional(), body: z.unknown().optional() })),
})

export class UpgradeSystem {
  #started = 0

  private constructor(
    private readonly folder: string,
    readonly database: UpgradedDatabase,
    private readonly temporal: TemporalServer,
    private readonly simulators: Child[],
    private readonly simulatorUrls: string[],
    private readonly ports: [number, number],
    private readonly proxy: FaultProxy,
    private readonly env: NodeJS.ProcessEnv,
  ) {}

  static async start(kind: DatabaseKind, folder: string): Promise<UpgradeSystem> {
    const logs = join(folder, 'logs')
    mkdirSync(logs, { recursive: true })
    const database = await startDatabase(kind, resolve(folder))
    const env = { ...process.env, TEMPORAL_ADDRESS: undefined }
    const temporal = await startTemporalServer({ headless: true, logFile: join(logs, 'temporal.log'), env })
    const names = ['ark', 'image-gateway']
    const [ark = 0, images = 0] = await Promise.all(names.map(() => freePort()))
    const simulators = await Promise.all(
      names.map((name, index) => {
        const program = simulatorProgram(name, index === 0 ? ark : images, env)
        const args = [...(program.args ?? []), '--latency-ms', String(PROVIDER_LATENCY_MS)]
        return startChild({ ...program, args, logFile: join(logs, `${name}.log`), ...fatal })
      }),
    )
    const ports: [number, number] = [await freePort(), await freePort()]
    const proxy = await FaultProxy.to(
      ports.map((port) => `http://127.0.0.1:${port}`),
      seededRandom(1, 'requests'),
    )
    return new UpgradeSystem(
      folder,
      database,
      temporal,
      simulators,
      [ark, images].map((port) => `http://127.0.0.1:${port}`),
      ports,
      proxy,
      {
        ...process.env,
        ...database.env,
        CONFIG_MODE: 'local',
        INTERNAL_API_TOKEN: randomBytes(24).toString('base64url'),
        MAIN_URL: proxy.url,
        TEMPORAL_ADDRESS: temporal.address,
        ARTIFACTS_DIR: resolve(folder, 'artifacts'),
        ARK_API_KEY: '',
        IMAGE_API_KEY: '',
        ARK_SIMULATOR_URL: `http://127.0.0.1:${ark}/api/v3`,
        IMAGE_SIMULATOR_URL: `http://127.0.0.1:${images}/v1`,
        // This run does not test the provider's own limits.
        ARK_REQUESTS_PER_MINUTE: '60000',
        IMAGE_REQUESTS_PER_MINUTE: '60000',
      },
    )
  }

  /** Reaches whichever main listens, like a load balancer. */
  get mainUrl(): string {
    return this.proxy.url
  }

  get temporalAddress(): string {
    return this.temporal.address
  }

  startMain(release: Release, env: Record<string, string> = {}): Promise<Child> {
    // Alternating, so that one can start while the previous one still listens.
    const port = String(this.ports[this.#started++ % 2])
    // The first name is 0.1.0's.
    return this.#start(release, 'main', 'startMain.ts', { ...env, MAIN_PORT: port, MAIN_LISTEN_PORT: port })
  }

  startDaemon(release: Release): Promise<Child> {
    return this.#start(release, 'daemon', 'startAsyncTask.ts', {})
  }

  /** `npm run migrate -- --back` of this checkout. */
  async migrateBack(): Promise<void> {
    const args = ['--import', 'tsx', 'package/cli.ts', 'migrate', '--back']
    await promisify(execFile)(process.execPath, args, { env: this.env })
  }

  /** Resolves once no run is in flight; with `pending`, once nothing can be claimed either. */
  async untilIdle({ pending }: { pending: boolean }, signal: AbortSignal): Promise<void> {
    const connection = Connection.lazy({ address: this.temporal.address })
    const client = new Client({ connection })
    try {
      // Twice, as there is a moment between a claim and its run's start.
      for (let idle = 0; idle < 2; ) {
        await delay(LOOK_EVERY_MS, undefined, { signal })
        const { count } = await connection.withDeadline(Date.now() + CALL_TIMEOUT_MS, () =>
          client.workflow.count('ExecutionStatus = "Running"'),
        )
        const waiting = await this.#countOpen(pending)
        idle = count + waiting === 0 ? idle + 1 : 0
      }
    } finally {
      await connection.close()
    }
  }

  /** The simulators' create requests, each as JSON. */
  async providerCreates(): Promise<string[]> {
    const logs = await Promise.all(
      this.simulatorUrls.map(async (url) => {
        const signal = AbortSignal.timeout(CALL_TIMEOUT_MS)
        const response = await fetch(`${url}/__simulator/requests`, { signal })
        return requestLog.parse(await response.json()).requests
      }),
    )
    return logs.flat().flatMap(({ created, body }) => (created === undefined ? [] : [JSON.stringify(body)]))
  }

  async stop(): Promise<void> {
    await this.proxy.close()
    for (const simulator of this.simulators) await simulator.stop()
    await this.temporal.stop()
    await this.database.stop()
  }

  async #countOpen(pending: boolean): Promise<number> {
    const apis = ['runsToCheck?limit=1&uncheckedForSeconds=0', ...(pending ? ['fetchPendingTasks?limit=1'] : [])]
    const paths = Object.values(KINDS).flatMap(({ namespace }) => apis.map((api) => `api/${namespace}/${api}`))
    const counts = await Promise.all(
      paths.map(async (path) => {
        const headers = { authorization: `Bearer ${this.env.INTERNAL_API_TOKEN}` }
        const response = await fetch(`${this.mainUrl}/${path}`, {
          headers,
          signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
        })
        const { runs, tasks } = (await response.json()) as { runs?: unknown[]; tasks?: unknown[] }
        return (runs ?? tasks)?.length ?? 1
      }),
    )
    return counts.reduce((sum, count) => sum + count, 0)
  }

  #start({ name, checkout }: Release, part: string, entry: string, own: Record<string, string>): Promise<Child> {
    return startChild({
      name: `${part} of ${name}`,
      entry,
      ...(checkout !== undefined && { checkout }),
      env: { ...this.env, ...own },
      logFile: join(this.folder, 'logs', `${part}-${name}.log`),
      ...fatal,
    })
  }
}

/** Both releases' daemons bundle their workflows on one machine, which takes time, and is not tested here. */
const fatal = {
  readyTimeoutMs: 600_000,
  signal: new AbortController().signal,
  onCrash: (error: Error) => {
    throw error
  },
}
