/** The system of a chaos run: the application's real processes, and their surroundings. */
import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { type Child, startChild } from '../../stack/child.js'
import { freePort } from '../../temporal/free-port.js'
import { seededRandom } from '../random.js'
import { type ProviderFault, ROUTES, type Route } from '../schedule.js'
import { SETTINGS } from '../settings.js'
import { FaultProxy } from './fault-proxy.js'
import { CrashablePostgres } from './postgres.js'
import { SupervisedProcess } from './supervised-process.js'
import { CrashableTemporal } from './temporal.js'

export interface SystemOptions {
  seed: number
  daemons: number
  mains: number
  /** Holds logs, results and Temporal's data. */
  folder: string
}

const simulatorUrls = z.object({ ark: z.url(), images: z.url() })

export class ChaosSystem {
  private constructor(
    readonly postgres: CrashablePostgres,
    readonly temporal: CrashableTemporal,
    readonly mains: SupervisedProcess[],
    /** Where each main listens, without the proxy. */
    readonly mainUrls: string[],
    readonly daemons: SupervisedProcess[],
    /** Each daemon's own route to main. */
    readonly daemonProxies: FaultProxy[],
    private readonly providerProxies: Record<'ark' | 'images', FaultProxy>,
    private readonly simulators: Child,
    /** Where the Ark simulator is, without the proxy. */
    readonly arkUrl: string,
  ) {}

  /** Starts everything, and resolves once every process is ready. */
  static async start({ seed, daemons, mains, folder }: SystemOptions): Promise<ChaosSystem> {
    const logs = join(folder, 'logs')
    mkdirSync(logs, { recursive: true })
    const logFile = (name: string) => join(logs, `${name}.log`)
    const random = seededRandom(seed, 'requests')

    const postgres = await CrashablePostgres.start()
    const temporal = await CrashableTemporal.start(join(folder, 'temporal.db'), logFile('temporal'))
    const simulators = await startChild({
      name: 'simulators',
      entry: 'tools/chaos/system/simulators-process.ts',
      env: process.env,
      logFile: logFile('simulators'),
      signal: new AbortController().signal,
      onCrash: (error) => {
        throw error
      },
    })
    const { ark, images } = simulatorUrls.parse(simulators.ready)
    const providerProxies = {
      ark: await FaultProxy.to([new URL(ark).origin], random),
      images: await FaultProxy.to([new URL(images).origin], random),
    }
    const ports = await Promise.all(Array.from({ length: mains }, () => freePort()))
    const mainUrls = ports.map((port) => `http://127.0.0.1:${port}`)
    const env = {
      ...process.env,
      ...SETTINGS,
      INTERNAL_API_TOKEN: randomBytes(24).toString('base64url'),
      DATABASE_URL: postgres.url,
      TEMPORAL_ADDRESS: temporal.address,
      ARTIFACTS_DIR: join(folder, 'artifacts'),
      ARK_API_KEY: '',
      IMAGE_API_KEY: '',
      ARK_SIMULATOR_URL: `${providerProxies.ark.url}${new URL(ark).pathname}`,
      IMAGE_SIMULATOR_URL: `${providerProxies.images.url}${new URL(images).pathname}`,
    }
    const mainProcesses = ports.map((port, index) => {
      const name = `main-${index + 1}`
      const own = { MAIN_LISTEN_PORT: String(port), MAIN_URL: mainUrls[index] }
      return new SupervisedProcess({ name, entry: 'startMain.ts', env: { ...env, ...own }, logFile: logFile(name) })
    })
    const daemonProxies = await Promise.all(Array.from({ length: daemons }, () => FaultProxy.to(mainUrls, random)))
    const daemonProcesses = daemonProxies.map((proxy, index) => {
      const name = `daemon-${index + 1}`
      const own = { ...env, MAIN_URL: proxy.url }
      return new SupervisedProcess({ name, entry: 'startAsyncTask.ts', env: own, logFile: logFile(name) })
    })
    await Promise.all([...mainProcesses, ...daemonProcesses].map((process) => process.start()))
    return new ChaosSystem(
      postgres,
      temporal,
      mainProcesses,
      mainUrls,
      daemonProcesses,
      daemonProxies,
      providerProxies,
      simulators,
      ark,
    )
  }

  /** The proxies on a route: main's consists of every daemon's own. */
  proxies(route: Route): FaultProxy[] {
    return route === 'main' ? this.daemonProxies : [this.providerProxies[route]]
  }

  failProvider(route: 'ark' | 'images', fault: ProviderFault, count: number): void {
    this.simulators.send({ type: 'fault', route, fault, count })
  }

  /** Stops everything, the users of a part before the part. */
  async stop(): Promise<void> {
    await Promise.all(this.daemons.map((daemon) => daemon.stop()))
    await Promise.all(this.mains.map((main) => main.stop()))
    await Promise.all(ROUTES.flatMap((route) => this.proxies(route)).map((proxy) => proxy.close()))
    await this.simulators.stop()
    await this.temporal.stop()
    await this.postgres.stop()
  }
}
