/** A main component for a test: in this process over PGLite, or as a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pino from 'pino'
import { inject } from 'vitest'
import { application } from '@/application.js'
import { loadConfig } from '@/config/load.js'
import type { AppConfig } from '@/config.js'
import { type MainComponent, startMainComponent } from '@/main-component/index.js'
import type { Prices } from '@/protocol/index.js'
import type { Budget } from '@/tasks/budgets.js'
import { createDataDir } from './shared.js'

export const TEST_TOKEN = 'test-internal-token-0123456789'

export interface TestMainOptions {
  /** Default: PGLite. */
  databaseUrl?: string
  /** Of PGLite, where there is no `databaseUrl`. Default: an empty one of its own. */
  dataDir?: string
  migrate?: AppConfig['components']['main']['migrate']
  port?: number
  previousToken?: string
  tasks?: Partial<AppConfig['components']['main']['tasks']>
  /** Default: a folder of its own. */
  artifacts?: Partial<AppConfig['components']['artifacts']>
  /** Default: the server that all tests share. */
  temporalAddress?: string
  temporalNamespace?: string
  /** Of the test integration. Default: any number. */
  maxTasksInFlight?: number
  maxTasksInFlightPerUser?: number
  /** Of the test integration, in micro-units. Default: nobody knows what tasks cost. */
  money?: { prices: Prices; budget?: Budget; budgetPerUser?: Budget }
  /** Default: one that says nothing. */
  logger?: pino.Logger
  maxOpenTasksPerUser?: number
  /** Whether the test integration is enabled. Default: true. */
  enabled?: boolean
  /** Default: anonymous. */
  auth?: AppConfig['components']['main']['auth']
  operatorToken?: string
  publicUrl?: string
  metrics?: Partial<AppConfig['components']['main']['metrics']>
  load?: Partial<AppConfig['components']['main']['load']>
  /** Default: none may be named. */
  webhooks?: Partial<AppConfig['components']['main']['webhooks']>
}

export interface TestMain extends HttpMain {
  component: MainComponent
  token: string
  artifactsDir: string
  stop(): Promise<void>
}

/** Starts main in this process, on a free port, with `TEST_TOKEN`. */
export async function startTestMain(options: TestMainOptions = {}): Promise<TestMain> {
  const folder = await mkdtemp(join(tmpdir(), 'main-'))
  const artifactsDir = join(folder, 'artifacts')
  const dataDir = options.dataDir ?? join(folder, 'data')
  if (options.dataDir === undefined && options.databaseUrl === undefined) await createDataDir(dataDir)
  const config = loadConfig({ mode: 'local', component: 'main' })
  const { main } = config.components
  const { asyncTask } = config.components
  const { maxTasksInFlight, maxTasksInFlightPerUser, maxOpenTasksPerUser, enabled = true, operatorToken } = options
  const { temporalAddress = inject('temporalAddress'), temporalNamespace: namespace = 'default' } = options
  const component = await startMainComponent({
    application,
    config: {
      ...config,
      integrations: {
        ...config.integrations,
        testAsyncTask: {
          enabled,
          ...(maxTasksInFlight !== undefined && { maxTasksInFlight }),
          ...(maxTasksInFlightPerUser !== undefined && { maxTasksInFlightPerUser }),
          ...(maxOpenTasksPerUser !== undefined && { maxOpenTasksPerUser }),
          ...(options.money as object),
        },
      },
      components: {
        ...config.components,
        artifacts: { dir: artifactsDir, ...options.artifacts },
        asyncTask: { ...asyncTask, temporal: { ...asyncTask.temporal, address: temporalAddress, namespace } },
        main: {
          ...main,
          port: options.port ?? 0,
          auth: options.auth ?? main.auth,
          operatorToken,
          publicUrl: options.publicUrl,
          metrics: { ...main.metrics, ...options.metrics },
          migrate: options.migrate ?? main.migrate,
          database: {
            dataDir,
            ...(options.databaseUrl !== undefined && { url: options.databaseUrl }),
          },
          load: { ...main.load, ...options.load },
          webhooks: { ...main.webhooks, ...options.webhooks },
          tasks: { ...main.tasks, ...options.tasks },
        },
      },
    },
    internalTokens: [TEST_TOKEN, options.previousToken].filter((token) => token !== undefined),
    logger: options.logger ?? pino({ level: process.env.LOG_LEVEL ?? 'silent' }),
  }).catch(async (error: unknown) => {
    await rm(folder, { recursive: true, force: true })
    throw error
  })
  return {
    ...httpMain(component.url),
    component,
    token: TEST_TOKEN,
    artifactsDir,
    async stop() {
      await component.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export interface MainProcess extends HttpMain {
  /** Sends SIGTERM and waits for the end. */
  stop(): Promise<{ code: number | null }>
  /** Ends it where a test has failed: it may be past hearing SIGTERM. */
  kill(): void
}

/** Starts `startMain.ts` as a process, and waits until it listens. */
export async function startMainProcess(env: Record<string, string>): Promise<MainProcess> {
  const child = spawnMain(env)
  const url = await ready(child)
  return {
    ...httpMain(url),
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        const exited = once(child, 'exit')
        child.kill('SIGTERM')
        await exited
      }
      return { code: child.exitCode }
    },
    kill: () => child.kill('SIGKILL'),
  }
}

/** `startMain.ts` as a process, with only the given settings beside what a shell has. */
export function spawnMain(env: Record<string, string>): ChildProcess {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  return spawn(process.execPath, ['--import', 'tsx', 'startMain.ts'], {
    cwd: root,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      MAIN_LISTEN_PORT: '0',
      INTERNAL_API_TOKEN: TEST_TOKEN,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
}

async function ready(child: ChildProcess): Promise<string> {
  let stderr = ''
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk
  })
  child.stdout?.resume()
  return await new Promise((resolve, reject) => {
    child.once('message', (message) => resolve((message as { url: string }).url))
    child.once('exit', (code) => reject(new Error(`main ended with ${code} before it listened:\n${stderr}`)))
  })
}

export interface Answer {
  status: number
  // biome-ignore lint/suspicious/noExplicitAny: what main answers is what the tests look into.
  body: any
}

/** Main, as its clients see it. */
export interface HttpMain {
  url: string
  get(path: string, headers?: Record<string, string>): Promise<Answer>
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Answer>
  /** As get and post, with the internal token. */
  internalGet(path: string): Promise<Answer>
  internalPost(path: string, body: unknown): Promise<Answer>
  /** The id that the internal protocol has for a pending task, by the public one. */
  rowIdOf(taskId: string, namespace?: string): Promise<string>
}

function httpMain(url: string): HttpMain {
  const authorized = { authorization: `Bearer ${TEST_TOKEN}` }
  const ask = async (path: string, init: RequestInit): Promise<Answer> => {
    const response = await fetch(new URL(path, url), { ...init, signal: AbortSignal.timeout(60_000) })
    return { status: response.status, body: await response.json() }
  }
  const get: HttpMain['get'] = (path, headers = {}) => ask(path, { headers })
  const post: HttpMain['post'] = (path, body, headers = {}) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    return ask(path, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: text })
  }
  return {
    url,
    get,
    post,
    internalGet: (path) => get(path, authorized),
    internalPost: (path, body) => post(path, body, authorized),
    async rowIdOf(taskId, namespace = 'testAsyncTask') {
      const { body } = await get(`/api/${namespace}/fetchPendingTasks?limit=100`, authorized)
      const found = body.tasks.find(({ taskKey }: { taskKey: string }) => taskKey === taskId)
      if (!found) throw new Error(`${namespace} has no pending task ${taskId}`)
      return found.id
    },
  }
}

/** A token as a claimer makes one up. */
export function newToken(): string {
  return randomUUID()
}
