/** What a money run consists of: the application's real processes, and what they need around them. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { CreateBucketCommand, ListObjectsV2Command } from '@aws-sdk/client-s3'
import { Client, Connection } from '@temporalio/client'
import pg from 'pg'
import { createS3Client } from '@/artifacts/s3-client.js'
import { seededRandom } from '@/tools/chaos/random.js'
import { SupervisedProcess } from '@/tools/chaos/system/supervised-process.js'
import type { Query } from '@/tools/chaos/witnesses/database.js'
import { createArkSimulator, type Simulator } from '@/tools/simulators/index.js'
import { freePort } from '@/tools/temporal/free-port.js'
import { ANNAS_TOKEN, API_TOKENS, SECRETS } from '../secrets/secrets.js'
import { startPostgres, type TestPostgres } from '../support/postgres.js'
import { type S3Server, startS3Server } from '../support/s3-server.js'
import { ProviderGateway } from './provider-gateway.js'
import { DAEMONS, faultPlan, gatewayPlan, LATE_MS, LATENCY_MS, PRICES, TIMINGS } from './settings.js'

const DATABASE_PASSWORD = 'pW#9/databaseUser@secret:Kx3?'
const BUCKET = 'money'
const PREFIX = 'results/'
const APP_USER = 'money_app'

export interface SystemOptions {
  tasks: number
  seed: number
  temporalAddress: string
  /** Holds the logs. */
  folder: string
}

export class MoneySystem {
  readonly #stops: Array<() => Promise<unknown>> = []
  readonly secrets = { ...SECRETS, ANNAS_TOKEN, DATABASE_PASSWORD }
  logFiles: string[] = []
  daemons: SupervisedProcess[] = []
  healthUrls: string[] = []
  mainUrl!: string
  ark!: Simulator
  gateway!: ProviderGateway
  postgres!: TestPostgres
  temporal!: Client
  #s3!: S3Server
  #pool!: pg.Pool

  private constructor(private readonly options: SystemOptions) {}

  /** Starts everything, and resolves once every process is ready. */
  static async start(options: SystemOptions): Promise<MoneySystem> {
    const system = new MoneySystem(options)
    try {
      await system.#startProvider()
      const surroundings = { ...(await system.#startDatabase()), ...(await system.#startStorage()) }
      const namespace = await system.#createNamespace()
      await system.#startApplication({ ...surroundings, TEMPORAL_NAMESPACE: namespace })
      return system
    } catch (error) {
      await system.stop()
      throw error
    }
  }

  /** Asks the database, past main. */
  query: Query = async <Row extends object>(sql: string, params: unknown[] = []) =>
    (await this.#pool.query<Row>(sql, params)).rows

  /** The names of all stored objects. */
  async objects(): Promise<string[]> {
    const client = createS3Client(this.#s3Config())
    const names: string[] = []
    for (let token: string | undefined; ; ) {
      const page = await client.send(
        new ListObjectsV2Command({ Bucket: BUCKET, ...(token !== undefined && { ContinuationToken: token }) }),
      )
      names.push(...(page.Contents ?? []).map(({ Key = '' }) => Key.replace(PREFIX, '')))
      token = page.NextContinuationToken
      if (token === undefined) return names
    }
  }

  async stopDaemons(): Promise<void> {
    await Promise.all(this.daemons.map((daemon) => daemon.stop()))
  }

  /** Stops everything, the users of a part before the part. */
  async stop(): Promise<void> {
    for (const stop of this.#stops.reverse()) await stop()
    this.#stops.length = 0
  }

  async #startProvider(): Promise<void> {
    const { tasks, seed } = this.options
    this.ark = createArkSimulator({
      latencyMs: LATENCY_MS,
      seed,
      faults: faultPlan(tasks),
      apiKey: SECRETS.ARK_API_KEY,
    })
    const { url: target } = await this.ark.start()
    this.#stops.push(() => this.ark.stop())
    const random = seededRandom(seed, 'gateway')
    this.gateway = await ProviderGateway.start({ target, random, lateMs: LATE_MS, ...gatewayPlan(tasks) })
    this.#stops.push(() => this.gateway.stop())
  }

  async #startDatabase() {
    this.postgres = await startPostgres()
    this.#stops.push(() => this.postgres.stop())
    const url = new URL(await this.postgres.createDatabase())
    this.#pool = new pg.Pool({ connectionString: url.href })
    // A connection that is cut while it is idle tells by this event.
    this.#pool.on('error', () => {})
    this.#stops.push(() => this.#pool.end())
    await this.query(`CREATE ROLE ${APP_USER} LOGIN PASSWORD '${DATABASE_PASSWORD}'`)
    await this.query(`ALTER DATABASE ${url.pathname.slice(1)} OWNER TO ${APP_USER}`)
    url.username = APP_USER
    url.password = encodeURIComponent(DATABASE_PASSWORD)
    return { DATABASE_URL: url.href }
  }

  async #startStorage() {
    const { ARTIFACTS_S3_SECRET_ACCESS_KEY: secretAccessKey } = SECRETS
    this.#s3 = await startS3Server({ accessKeyId: 'money-run', secretAccessKey })
    this.#stops.push(() => this.#s3.stop())
    await createS3Client(this.#s3Config()).send(new CreateBucketCommand({ Bucket: BUCKET }))
    return {
      ARTIFACTS_S3_ENDPOINT: this.#s3.endpoint,
      ARTIFACTS_S3_BUCKET: BUCKET,
      ARTIFACTS_S3_PREFIX: PREFIX,
      ARTIFACTS_S3_ACCESS_KEY_ID: this.#s3.credentials.accessKeyId,
    }
  }

  /** A Temporal namespace of the run's own: its histories are all looked through. */
  async #createNamespace(): Promise<string> {
    const connection = await Connection.connect({ address: this.options.temporalAddress })
    this.#stops.push(() => connection.close())
    const namespace = `money-${crypto.randomUUID().slice(0, 8)}`
    await connection.workflowService.registerNamespace({
      namespace,
      workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
    })
    this.temporal = new Client({ connection, namespace })
    return namespace
  }

  async #startApplication(surroundings: Record<string, string>): Promise<void> {
    const { folder, temporalAddress } = this.options
    mkdirSync(folder, { recursive: true })
    const [port, ...healthPorts] = await Promise.all(Array.from({ length: 1 + DAEMONS }, () => freePort()))
    this.mainUrl = `http://127.0.0.1:${port}`
    const env = {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      CONFIG_MODE: 'local',
      LOG_LEVEL: 'debug',
      ...TIMINGS,
      ...surroundings,
      MAIN_LISTEN_PORT: String(port),
      MAIN_URL: this.mainUrl,
      TEMPORAL_ADDRESS: temporalAddress,
      ...SECRETS,
      API_TOKENS,
      ARK_BASE_URL: this.gateway.arkUrl,
      ARK_MODEL: 'ep-money',
      ARK_PRICES: PRICES.ARK_PRICES,
      ARK_DOWNLOAD_HOSTS: '127.0.0.1',
      // Ark's callbacks spare the run the pause before the first look.
      ARK_CALLBACK_BASE_URL: this.mainUrl,
      IMAGE_BASE_URL: this.gateway.imagesUrl,
      IMAGE_MODEL: 'image-model',
    }
    const supervise = (name: string, entry: string, own: Record<string, string> = {}) => {
      const logFile = join(folder, `${name}.log`)
      this.logFiles.push(logFile)
      return new SupervisedProcess({ name, entry, env: { ...env, ...own }, logFile })
    }
    const main = supervise('main', 'startMain.ts')
    this.#stops.push(() => main.stop())
    this.daemons = healthPorts.map((healthPort, index) =>
      supervise(`daemon-${index + 1}`, 'startAsyncTask.ts', { ASYNC_TASK_HEALTH_PORT: String(healthPort) }),
    )
    this.#stops.push(() => this.stopDaemons())
    this.healthUrls = healthPorts.map((healthPort) => `http://127.0.0.1:${healthPort}`)
    await Promise.all([main, ...this.daemons].map((process) => process.start()))
  }

  #s3Config() {
    const { endpoint, credentials } = this.#s3
    return { endpoint, credentials, bucket: BUCKET, prefix: PREFIX, region: 'us-east-1', forcePathStyle: true }
  }
}
