/** What each round of a bench starts anew: a Temporal server, a database, main, and what dispatches tasks. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client, Connection } from '@temporalio/client'
import { startPostgres, type TestPostgres } from '../../tests/support/postgres.js'
import { type Child, startChild } from '../stack/child.js'
import { Stack } from '../stack/stack.js'
import { TaskClient } from '../stack/task-client.js'

export const DATABASES = ['postgresql', 'pglite'] as const
export type DatabaseKind = (typeof DATABASES)[number]

export class BenchSystem {
  private constructor(
    readonly stack: Stack,
    readonly main: Child,
    readonly temporal: Client,
    private readonly folder: string,
    private readonly postgres: TestPostgres | undefined,
  ) {}

  static async start(database: DatabaseKind): Promise<BenchSystem> {
    const folder = mkdtempSync(join(tmpdir(), 'bench-'))
    const postgres = database === 'postgresql' ? await startPostgres() : undefined
    const stack = await Stack.create({
      folder,
      env: {
        CONFIG_MODE: 'local',
        TEMPORAL_ADDRESS: undefined,
        DATABASE_URL: await postgres?.createDatabase(),
        // Nothing executes what is started, so all of it stays on the queue.
        MAX_BACKLOG: String(10 ** 9),
      },
      temporal: { headless: true },
      onCrash: crashed,
    })
    await stack.startTemporal()
    const main = await stack.startMain()
    const connection = await Connection.connect({ address: stack.temporalAddress })
    return new BenchSystem(stack, main, new Client({ connection }), folder, postgres)
  }

  get tasks(): TaskClient {
    return new TaskClient(this.stack.mainUrl)
  }

  /** Claims tasks and starts their workflows, as configured, and executes none of them. */
  startDispatcher(): Promise<Child> {
    return startChild({
      name: 'dispatcher',
      entry: 'tools/bench/dispatcher.ts',
      env: this.stack.env,
      logFile: this.stack.logFile('dispatcher'),
      signal: new AbortController().signal,
      onCrash: crashed,
    })
  }

  async stop(): Promise<void> {
    await this.temporal.connection.close()
    await this.stack.stop()
    await this.postgres?.stop()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

function crashed(error: Error): never {
  throw error
}
