/** What the test files of a run share beside Temporal, each made when the first file asks for it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { application } from '../../application.js'
import { bundleWorkflows } from '../../async-task-component/workflow-bundle.js'
import { loadConfig } from '../../config/load.js'
import { startPostgres, type TestPostgres } from './postgres.js'

export interface RunServices {
  url: string
  stop(): Promise<void>
}

/** Nobody restarts or faults this server: what it promises after a crash of its own is not needed. */
const POSTGRES_FLAGS = ['-c', 'max_connections=400', '-c', 'fsync=off', '-c', 'full_page_writes=off']

/** Serves `shared.ts`, in Vitest's own process. */
export async function startRunServices(): Promise<RunServices> {
  const folder = await mkdtemp(join(tmpdir(), 'test-run-'))
  const bundles = new Map<string, Promise<string>>()
  let postgres: Promise<TestPostgres> | undefined
  let dataDir: Promise<string> | undefined

  const answers: Record<string, (parameter: string) => Promise<string>> = {
    '/database': async () => {
      postgres ??= startPostgres({ postgresFlags: POSTGRES_FLAGS })
      return (await postgres).createDatabase()
    },
    '/data-dir': () => {
      dataDir ??= installInto(join(folder, 'pglite'))
      return dataDir
    },
    '/bundle': (workflowsPath) => {
      const bundle = bundles.get(workflowsPath) ?? bundleInto(join(folder, `bundle-${bundles.size}.js`), workflowsPath)
      bundles.set(workflowsPath, bundle)
      return bundle
    },
  }
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://services')
    const answer = answers[pathname]
    if (answer) void answerWith(response, answer(searchParams.get('of') ?? ''))
    else response.writeHead(404).end()
  })
  const { port } = await listen(server)
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      server.closeAllConnections()
      server.close()
      await (await postgres?.catch(() => undefined))?.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function answerWith(response: ServerResponse, answer: Promise<string>): Promise<void> {
  const [status, text] = await answer.then(
    (made) => [200, made] as const,
    (error: unknown) => [500, error instanceof Error ? (error.stack ?? error.message) : String(error)] as const,
  )
  response.writeHead(status).end(text)
}

async function listen(server: Server): Promise<AddressInfo> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve)
  })
  return server.address() as AddressInfo
}

/** Where main has been once. To make a database and install the model takes seconds, and to open a copy less than one. */
async function installInto(dataDir: string): Promise<string> {
  const { PGlite } = await import('@electric-sql/pglite')
  const { startMainComponent } = await import('../../main-component/index.js')
  const env = { MAIN_DATA_DIR: dataDir, MAIN_LISTEN_PORT: '0' }
  const config = loadConfig({ mode: 'local', component: 'main', env })
  const logger = pino({ level: 'silent' })
  const main = await startMainComponent({ application, config, internalTokens: ['nobody-calls-this-main'], logger })
  await main.stop()
  const database = new PGlite(dataDir)
  // Memory that PGLite clears first, at every start. Tests have little in it.
  await database.exec("ALTER SYSTEM SET shared_buffers = '8MB'")
  // Else each copy would go through the installation again, from the log.
  await database.exec('CHECKPOINT')
  await database.close()
  return dataDir
}

async function bundleInto(path: string, workflowsPath: string): Promise<string> {
  const { code } = await bundleWorkflows(workflowsPath)
  await writeFile(path, code)
  return path
}
