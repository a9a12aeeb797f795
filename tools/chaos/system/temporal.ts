import { freePort } from '../../temporal/free-port.js'
import { startTemporalServer, type TemporalServer } from '../../temporal/server.js'

/** A Temporal server on one port and one file, which can be killed and restarted. */
export class CrashableTemporal {
  private constructor(
    private readonly options: { port: number; headless: true; dbFile: string; logFile: string; env: NodeJS.ProcessEnv },
    private server: TemporalServer,
  ) {}

  static async start(dbFile: string, logFile: string): Promise<CrashableTemporal> {
    // Always the run's own server: one that others use must not be killed.
    const env = { ...process.env, TEMPORAL_ADDRESS: undefined }
    const options = { port: await freePort(), headless: true as const, dbFile, logFile, env }
    return new CrashableTemporal(options, await startTemporalServer(options))
  }

  get address(): string {
    return this.server.address
  }

  async crash(): Promise<void> {
    await this.server.kill()
  }

  async startAgain(): Promise<void> {
    this.server = await startTemporalServer(this.options)
  }

  async stop(): Promise<void> {
    await this.server.stop()
  }
}
