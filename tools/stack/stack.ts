import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { application } from '../../application.js'
import { type OwnSimulator, ownSimulators } from '../../simulator/own.js'
import { freePort } from '../temporal/free-port.js'
import { startTemporalServer, type TemporalServer, type TemporalServerOptions } from '../temporal/server.js'
import { type Child, type ChildFailedError, startChild } from './child.js'
import { type Program, simulatorProgram } from './program.js'

export interface StackOptions {
  /** Holds the run's logs, database and results. */
  folder: string
  /** Added to this process's environment, for every process of the stack. `undefined` removes a variable. */
  env?: NodeJS.ProcessEnv
  temporal?: Pick<TemporalServerOptions, 'port' | 'uiPort' | 'headless' | 'dbFile'>
  /** Default: a free one. */
  mainPort?: number
  /** Default: free ones. */
  simulatorPorts?: { ark: number; images: number }
  /** Whether main and the daemon run as they are built in `dist`, as in production. Default: from their sources. */
  built?: boolean
  /** A process exited by itself after it was ready. */
  onCrash: (error: ChildFailedError) => void
}

interface Ports {
  main: number
  temporal: number
  ark: number
  images: number
  /** Of the simulators that integrations bring. */
  own: Array<OwnSimulator & { port: number }>
}

/**
 * The whole application on this machine: a Temporal server, the providers' simulators, main and the async-task daemon,
 * each a process of its own. Ports are chosen before anything starts, so that each part can be restarted at the address
 * that the others expect.
 */
export class Stack {
  readonly mainUrl: string
  readonly artifactsDir: string
  readonly #env: NodeJS.ProcessEnv
  readonly #children: Child[] = []
  /** Starts under way, which a stop has to wait for. */
  readonly #starting = new Set<Promise<unknown>>()
  readonly #stopped = new AbortController()
  #temporal: TemporalServer | undefined

  private constructor(
    private readonly options: StackOptions,
    private readonly ports: Ports,
  ) {
    this.mainUrl = `http://127.0.0.1:${ports.main}`
    this.artifactsDir = join(options.folder, 'artifacts')
    const given = { ...process.env, ...options.env }
    this.#env = {
      ...given,
      INTERNAL_API_TOKEN: given.INTERNAL_API_TOKEN || randomBytes(24).toString('base64url'),
      TEMPORAL_ADDRESS: given.TEMPORAL_ADDRESS || `127.0.0.1:${ports.temporal}`,
      MAIN_LISTEN_PORT: String(ports.main),
      MAIN_URL: this.mainUrl,
      MAIN_DATA_DIR: join(options.folder, 'main'),
      ARTIFACTS_DIR: this.artifactsDir,
      ARK_SIMULATOR_URL: `http://127.0.0.1:${ports.ark}/api/v3`,
      IMAGE_SIMULATOR_URL: `http://127.0.0.1:${ports.images}/v1`,
      ...Object.fromEntries(
        ports.own.map(({ variable, port, url }) => [variable, `http://127.0.0.1:${port}${url.pathname}`]),
      ),
    }
  }

  /** Chooses ports and folders. Starts nothing. */
  static async create(options: StackOptions): Promise<Stack> {
    mkdirSync(join(options.folder, 'logs'), { recursive: true })
    const [main, temporal, ark, images] = await Promise.all([
      options.mainPort ?? freePort(),
      options.temporal?.port ?? freePort(),
      options.simulatorPorts?.ark ?? freePort(),
      options.simulatorPorts?.images ?? freePort(),
    ])
    const own = await Promise.all(
      ownSimulators(application).map(async (found) => ({ ...found, port: await freePort() })),
    )
    return new Stack(options, { main, temporal, ark, images, own })
  }

  /** The environment that every process of the stack gets. */
  get env(): Readonly<NodeJS.ProcessEnv> {
    return this.#env
  }

  get temporalUiUrl(): string | undefined {
    return this.#temporal?.uiUrl
  }

  get temporalAddress(): string {
    return this.#env.TEMPORAL_ADDRESS as string
  }

  /** Everything but Temporal, in the order in which it is stopped. */
  get programs(): Program[] {
    return [this.#daemon(), this.#main(), ...this.#simulators()]
  }

  logFile(name: string): string {
    return join(this.options.folder, 'logs', `${name}.log`)
  }

  async startAll(): Promise<void> {
    await this.startServices()
    await this.startApplication()
  }

  /** What the application needs around it. */
  async startServices(): Promise<void> {
    await allDone([this.startTemporal(), this.startSimulators()])
  }

  /** Starts main and the daemon at the same time, as neither needs the other to start. */
  async startApplication(): Promise<void> {
    await allDone([this.startMain(), this.startDaemon()])
  }

  startTemporal(): Promise<void> {
    const starting = startTemporalServer({
      ...this.options.temporal,
      port: this.ports.temporal,
      logFile: this.logFile('temporal'),
      env: { ...process.env, ...this.options.env },
    }).then((server) => {
      this.#temporal = server
    })
    return this.#whileStarting(starting)
  }

  async stopTemporal(): Promise<void> {
    await this.#temporal?.stop()
    this.#temporal = undefined
  }

  /** Both run whether or not a provider's key is configured: without tasks they do nothing. */
  async startSimulators(): Promise<void> {
    await allDone(this.#simulators().map((program) => this.#start(program)))
  }

  /** `env` is this process's alone, over the stack's. */
  startMain(env?: NodeJS.ProcessEnv): Promise<Child> {
    return this.#start({ ...this.#main(), env: { ...this.#env, ...env } })
  }

  /** Several daemons are possible, each with its own name. */
  startDaemon(name = 'async-task'): Promise<Child> {
    return this.#start({ ...this.#daemon(), name })
  }

  /** Stops everything, the users of a part before the part, and resolves when all is gone. */
  async stop(): Promise<void> {
    this.#stopped.abort()
    await Promise.allSettled(this.#starting)
    for (const child of this.#running()) await child.stop()
    await this.stopTemporal()
  }

  /** Kills every process at once. */
  kill(): void {
    for (const child of this.#children) void child.kill()
  }

  /** In the order in which they are stopped. Stopping one that has ended does nothing. */
  #running(): Child[] {
    return [...this.#children].sort((a, b) => stopOrder(a) - stopOrder(b))
  }

  #daemon(): Program {
    return { name: 'async-task', part: 'async-task', entry: this.#entry('startAsyncTask'), env: this.#env }
  }

  #main(): Program {
    return { name: 'main', part: 'main', entry: this.#entry('startMain'), env: this.#env }
  }

  #entry(name: string): string {
    return this.options.built ? `dist/${name}.js` : `${name}.ts`
  }

  #simulators(): Program[] {
    return [
      simulatorProgram('ark', this.ports.ark, this.#env),
      simulatorProgram('image-gateway', this.ports.images, this.#env),
      ...this.ports.own.map(({ namespace, port }) => simulatorProgram(namespace, port, this.#env)),
    ]
  }

  #start(program: Program): Promise<Child> {
    const starting = startChild({
      ...program,
      logFile: this.logFile(program.name),
      signal: this.#stopped.signal,
      onCrash: this.options.onCrash,
    }).then((child) => {
      this.#children.push(child)
      return child
    })
    return this.#whileStarting(starting)
  }

  async #whileStarting<T>(start: Promise<T>): Promise<T> {
    this.#starting.add(start)
    try {
      return await start
    } finally {
      this.#starting.delete(start)
    }
  }
}

/** Waits for all, even if one fails: none is left half-way. */
async function allDone(starts: Promise<unknown>[]): Promise<void> {
  const failure = (await Promise.allSettled(starts)).find(({ status }) => status === 'rejected')
  if (failure) throw (failure as PromiseRejectedResult).reason
}

/** The daemon first: it releases its claims through main, and its runs end at the providers. */
function stopOrder({ name }: Child): number {
  if (name.startsWith('simulator')) return 2
  return name === 'main' ? 1 : 0
}
