/** What each round of a bench starts anew: a Temporal server, a database, main, and what dispatches tasks. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Client, Connection } from '@temporalio/client'
import { startPostgres, type TestPostgres } from '../../tests/support/postgres.js'
import { type Child, startChild } from '../stack/child.js'
import { Stack } from '../stack/stack.js'
import { TaskClient } from '../stack/task-client.js'
import { freePort } from '../temporal/free-port.js'
import { whileRunning } from './running.js'

export const DATABASES = ['postgresql', 'pglite'] as const
export type DatabaseKind = (typeof DATABASES)[number]

export interface BenchSystemOptions {
  database: DatabaseKind
  /** Added to the environment of every process. */
  env?: NodeJS.ProcessEnv
  /** Whether this repository's main is started. Default: true. */
  startsMain?: boolean
  /** Whether main and the daemon run as in production: built, without a compiler. Default: from their sources. */
  built?: boolean
}

export class BenchSystem {
  #main: Child | undefined
  #temporal: Client | undefined
  /** The bench's own, in the order of their starts, and those that are starting. */
  readonly #processes: Promise<Child>[] = []
  readonly #stopping = new AbortController()

  #stack: Stack | undefined
  #postgres: TestPostgres | undefined
  #databaseUrl: string | undefined
  readonly #folder = mkdtempSync(join(tmpdir(), 'bench-'))

  /** Stops all of it afterwards, whatever happened. */
  static with<T>(options: BenchSystemOptions, use: (system: BenchSystem) => Promise<T>): Promise<T> {
    const system = new BenchSystem()
    return whileRunning(
      async () => {
        await system.#start(options)
        return use(system)
      },
      () => system.#stop(),
    )
  }

  async #start({ database, env, startsMain = true, built = false }: BenchSystemOptions): Promise<void> {
    if (built) await build()
    if (database === 'postgresql') this.#postgres = await startPostgres()
    this.#databaseUrl = await this.#postgres?.createDatabase()
    this.#stack = await Stack.create({
      folder: this.#folder,
      env: {
        CONFIG_MODE: 'local',
        TEMPORAL_ADDRESS: undefined,
        DATABASE_URL: this.databaseUrl,
        // Nothing executes what is started, so all of it stays on the queue.
        MAX_BACKLOG: String(10 ** 9),
        ...env,
      },
      temporal: { headless: true },
      built,
      onCrash: crashed,
    })
    await this.stack.startTemporal()
    const connection = await Connection.connect({ address: this.stack.temporalAddress })
    this.#temporal = new Client({ connection })
    if (startsMain) this.#main = await this.stack.startMain()
  }

  get stack(): Stack {
    if (!this.#stack) throw new Error('The stack was not started')
    return this.#stack
  }

  get databaseUrl(): string | undefined {
    return this.#databaseUrl
  }

  get main(): Child {
    if (!this.#main) throw new Error('Main was not started')
    return this.#main
  }

  get temporal(): Client {
    if (!this.#temporal) throw new Error('Temporal was not started')
    return this.#temporal
  }

  get tasks(): TaskClient {
    return new TaskClient(this.stack.mainUrl)
  }

  /** Starts main once more, over the same data. */
  async restartMain(): Promise<Child> {
    await this.main.stop()
    this.#main = await this.stack.startMain()
    return this.#main
  }

  /** One more main, on the same database. Gives its address. */
  async startAnotherMain(): Promise<string> {
    const port = String(await freePort())
    await this.stack.startMain({ MAIN_LISTEN_PORT: port })
    return `http://127.0.0.1:${port}`
  }

  /** Claims tasks and starts their workflows, as configured, and executes none of them. */
  startDispatcher(mainUrl = this.stack.mainUrl): Promise<Child> {
    return this.startProcess('dispatcher', [], { MAIN_URL: mainUrl })
  }

  /** Starts one of the bench's own processes, the file of that name in `processes/`. */
  startProcess(name: string, args: string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Child> {
    const starting = startChild({
      name,
      entry: `tools/bench/processes/${name}.ts`,
      args,
      env: { ...this.stack.env, ...env },
      logFile: this.stack.logFile(name),
      signal: this.#stopping.signal,
      onCrash: crashed,
    })
    this.#processes.push(starting)
    return starting
  }

  /** What the bench has started itself first: it uses the rest. */
  async #stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.allSettled(this.#processes.map(async (starting) => (await starting).stop()))
    await this.#temporal?.connection.close()
    await this.#stack?.stop()
    await this.#postgres?.stop()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

let building: Promise<unknown> | undefined

/** `npm run build`, once. */
function build(): Promise<unknown> {
  building ??= promisify(execFile)('npm', ['run', '--silent', 'build'])
  return building
}

function crashed(error: Error): never {
  throw error
}
