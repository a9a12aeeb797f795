/** A system to practise on: PostgreSQL, Temporal, simulated providers, main, two daemons, and users at work. */
import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { seededRandom } from '../chaos/random.js'
import { FaultProxy } from '../chaos/system/fault-proxy.js'
import { CrashablePostgres } from '../chaos/system/postgres.js'
import { SupervisedProcess } from '../chaos/system/supervised-process.js'
import { CrashableTemporal } from '../chaos/system/temporal.js'
import { createArkSimulator, createImageGatewaySimulator } from '../simulators/index.js'
import { TaskClient, type TaskKind } from '../stack/task-client.js'
import { freePort } from '../temporal/free-port.js'

export const PROCESSES = ['main', 'daemon-1', 'daemon-2'] as const
export type ProcessName = (typeof PROCESSES)[number]

const USERS = ['anna', 'ben', 'cleo'] as const
type User = (typeof USERS)[number]

const REQUESTS: Record<TaskKind, object> = {
  test: { kind: 'delayed', delayMs: 200 },
  video: { prompt: 'a boat on a lake', duration: 2, ratio: '1:1' },
  image: { prompt: 'a boat on a lake' },
}
const KINDS = Object.keys(REQUESTS) as TaskKind[]

const PROVIDER_LATENCY_MS = 500
const LOAD_PAUSE_MS = 1000
/** A task that is created while all is well ends within this time. */
const WELL_WITHIN_MS = 30_000

const secret = () => randomBytes(18).toString('base64url')

interface Process {
  entry: string
  env: NodeJS.ProcessEnv
  running: SupervisedProcess
}

export class DrillSystem {
  readonly secrets = { operator: secret(), internal: secret(), arkKey: secret() }
  readonly providers = {
    ark: createArkSimulator({ latencyMs: PROVIDER_LATENCY_MS, apiKey: this.secrets.arkKey }),
    images: createImageGatewaySimulator({ latencyMs: PROVIDER_LATENCY_MS }),
  }
  postgres!: CrashablePostgres
  temporal!: CrashableTemporal
  /** Between the daemons and the provider of videos. */
  arkProxy!: FaultProxy
  /** Of main, and of the daemons' health. */
  readonly urls = {} as Record<ProcessName, string>
  readonly #userTokens = Object.fromEntries(USERS.map((user) => [user, secret()])) as Record<User, string>
  readonly #processes = {} as Record<ProcessName, Process>
  readonly #working = new AbortController()
  #load: Promise<void> = Promise.resolve()

  /** @param folder holds logs, results and Temporal's data */
  constructor(private readonly folder: string) {}

  /** Resolves once everything runs, and users are at work. */
  async start(): Promise<void> {
    mkdirSync(this.folder, { recursive: true })
    const file = (name: string) => join(this.folder, name)
    const { ark, images } = this.providers
    const [arkAt, imagesAt, mainPort, ...healthPorts] = await Promise.all([
      ...[ark.start(), images.start()],
      ...PROCESSES.map(() => freePort()),
    ] as const)
    this.postgres = await CrashablePostgres.start()
    this.temporal = await CrashableTemporal.start(file('temporal.db'), file('temporal.log'))
    this.arkProxy = await FaultProxy.to([new URL(arkAt.url).origin], seededRandom(1, 'drill'))
    this.urls.main = `http://127.0.0.1:${mainPort}`
    const env = {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      CONFIG_MODE: 'local',
      INTERNAL_API_TOKEN: this.secrets.internal,
      OPERATOR_TOKEN: this.secrets.operator,
      API_TOKENS: USERS.map((user) => `${user}:${this.#userTokens[user]}`).join(','),
      MAIN_LISTEN_PORT: String(mainPort),
      MAIN_URL: this.urls.main,
      DATABASE_URL: this.postgres.url,
      TEMPORAL_ADDRESS: this.temporal.address,
      ARTIFACTS_DIR: file('artifacts'),
      ARK_API_KEY: this.secrets.arkKey,
      ARK_BASE_URL: `${this.arkProxy.url}${new URL(arkAt.url).pathname}`,
      ARK_MODEL: 'ep-drill',
      ARK_DOWNLOAD_HOSTS: '127.0.0.1',
      IMAGE_SIMULATOR_URL: imagesAt.url,
      // The default suits videos of minutes; these take seconds.
      ARK_FIRST_POLL_SECONDS: '1',
      ARK_POLL_SECONDS: '1',
    }
    for (const [index, name] of PROCESSES.entries()) {
      const entry = name === 'main' ? 'startMain.ts' : 'startAsyncTask.ts'
      const own = name === 'main' ? {} : { ASYNC_TASK_HEALTH_PORT: String(healthPorts[index - 1]) }
      if (name !== 'main') this.urls[name] = `http://127.0.0.1:${healthPorts[index - 1]}`
      this.#processes[name] = this.#process(name, entry, { ...env, ...own })
    }
    await Promise.all(PROCESSES.map((name) => this.#processes[name].running.start()))
    this.#load = this.#work(this.#working.signal)
  }

  /** Stops a process, even one that hangs, and starts it with other settings: again and again until it is ready. */
  async restart(name: ProcessName, changes: NodeJS.ProcessEnv = {}): Promise<void> {
    const { entry, env, running } = this.#processes[name]
    await running.stop()
    this.#processes[name] = this.#process(name, entry, { ...env, ...changes })
    await this.#processes[name].running.start()
  }

  /** Lets a process hang: it keeps its connections, and does nothing. */
  freeze(name: ProcessName): void {
    const { pid } = this.#processes[name].running
    if (pid !== undefined) process.kill(pid, 'SIGSTOP')
  }

  async create(kind: TaskKind, user: User, request: object = {}): Promise<string> {
    return this.#client(user).create(kind, { ...REQUESTS[kind], ...request })
  }

  /** Whether a new task of each kind is completed soon. */
  async isWell(): Promise<boolean> {
    const signal = AbortSignal.timeout(WELL_WITHIN_MS)
    const probe = async (kind: TaskKind) => {
      const id = await this.#client('cleo').create(kind, REQUESTS[kind], signal)
      return (await this.#client('cleo').untilEnded(kind, id, signal)).status === 'completed'
    }
    const probes = await Promise.allSettled(KINDS.map(probe))
    return probes.every((outcome) => outcome.status === 'fulfilled' && outcome.value)
  }

  /** How many tasks these filters of the operators' list find, up to 100. */
  async count(filters: Record<string, string>): Promise<number> {
    const headers = { authorization: `Bearer ${this.secrets.operator}` }
    const url = `${this.urls.main}/api/operator/tasks?${new URLSearchParams({ ...filters, limit: '100' })}`
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(10_000) })
    return ((await response.json()) as { tasks: unknown[] }).tasks.length
  }

  async stop(): Promise<void> {
    this.#working.abort()
    await this.#load
    await Promise.all([this.#processes['daemon-1'], this.#processes['daemon-2']].map(({ running }) => running.stop()))
    await this.#processes.main.running.stop()
    await this.arkProxy.close()
    await Promise.all([this.providers.ark.stop(), this.providers.images.stop()])
    await this.temporal.stop()
    await this.postgres.stop()
  }

  #process(name: ProcessName, entry: string, env: NodeJS.ProcessEnv): Process {
    const logFile = join(this.folder, `${name}.log`)
    return { entry, env, running: new SupervisedProcess({ name, entry, env, logFile }) }
  }

  #client(user: User): TaskClient {
    return new TaskClient(this.urls.main, this.#userTokens[user])
  }

  /** Each second one of the users asks for something; what is refused amid an incident is not asked for again. */
  async #work(signal: AbortSignal): Promise<void> {
    for (let turn = 0; !signal.aborted; turn++) {
      const [user, kind] = [USERS[turn % USERS.length] as User, KINDS[(turn >> 1) % KINDS.length] as TaskKind]
      await this.#client(user)
        .create(kind, REQUESTS[kind], signal)
        .catch(() => 'a user gives up')
      await delay(LOAD_PAUSE_MS, undefined, { signal }).catch(() => 'stopped')
    }
  }
}
