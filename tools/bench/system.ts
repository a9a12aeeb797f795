/** What each round of a bench starts anew: a Temporal server, a database, main, and what dispatches tasks. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client, Connection } from '@temporalio/client'
import { startPostgres, type TestPostgres } from '../../tests/support/postgres.js'
import { type Child, startChild } from '../stack/child.js'
import { Stack } from '../stack/stack.js'
import { TaskClient } from '../stack/task-client.js'
import { freePort } from '../temporal/free-port.js'

export const DATABASES = ['postgresql', 'pglite'] as const
export type DatabaseKind = (typeof DATABASES)[number]

export interface BenchSystemOptions {
  database: DatabaseKind
  /** Added to the environment of every process. */
  env?: NodeJS.ProcessEnv
  /** Whether this repository's main is started. Default: true. */
  startsMain?: boolean
}

export class BenchSystem {
  #main: Child | undefined
  #temporal: Client | undefined

  private constructor(
    readonly stack: Stack,
    private readonly folder: string,
    readonly databaseUrl: string | undefined,
    private readonly postgres: TestPostgres | undefined,
  ) {}

  /** Stops all of it afterwards, whatever happened. */
  static async with<T>(options: BenchSystemOptions, use: (system: BenchSystem) => Promise<T>): Promise<T> {
    const system = await BenchSystem.#create(options)
    try {
      await system.#start(options)
      return await use(system)
    } finally {
      await system.#stop()
    }
  }

  static async #create({ database, env }: BenchSystemOptions): Promise<BenchSystem> {
    const folder = mkdtempSync(join(tmpdir(), 'bench-'))
    const postgres = database === 'postgresql' ? await startPostgres() : undefined
    const databaseUrl = await postgres?.createDatabase()
    const stack = await Stack.create({
      folder,
      env: {
        CONFIG_MODE: 'local',
        TEMPORAL_ADDRESS: undefined,
        DATABASE_URL: databaseUrl,
        // Nothing executes what is started, so all of it stays on the queue.
        MAX_BACKLOG: String(10 ** 9),
        ...env,
      },
      temporal: { headless: true },
      onCrash: crashed,
    })
    return new BenchSystem(stack, folder, databaseUrl, postgres)
  }

  async #start({ startsMain = true }: BenchSystemOptions): Promise<void> {
    await this.stack.startTemporal()
    const connection = await Connection.connect({ address: this.stack.temporalAddress })
    this.#temporal = new Client({ connection })
    if (startsMain) this.#main = await this.stack.startMain()
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
    return startChild({
      name,
      entry: `tools/bench/processes/${name}.ts`,
      args,
      env: { ...this.stack.env, ...env },
      logFile: this.stack.logFile(name),
      signal: new AbortController().signal,
      onCrash: crashed,
    })
  }

  async #stop(): Promise<void> {
    await this.#temporal?.connection.close()
    await this.stack.stop()
    await this.postgres?.stop()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

function crashed(error: Error): never {
  throw error
}
