import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { resolveTemporal } from '../../testing/temporal/resolve.js'
import { freePort } from './free-port.js'

export interface TemporalServerOptions {
  /** Default: a free one. */
  port?: number
  /** Default: a free one, unless `headless`. */
  uiPort?: number
  /** Without the web UI. Default: false. */
  headless?: boolean
  /** Keeps workflows across restarts. Default: in memory. */
  dbFile?: string
  /** Where the server's own log goes. Default: nowhere. */
  logFile?: string
  /** The server's own settings, such as `limit.historyCount.suggestContinueAsNew`. */
  dynamicConfig?: Record<string, number | string>
  /** Where `TEMPORAL_ADDRESS` and the PATH are looked up. Default: this process's environment. */
  env?: NodeJS.ProcessEnv
}

export interface TemporalServer {
  address: string
  /** Absent if the server has no UI, or was not started here. */
  uiUrl?: string
  /** Stops the server, and resolves once it has ended. A server that was not started here stays. */
  stop(): Promise<void>
  /** Kills the server, like a crash. A server that was not started here stays. */
  kill(): Promise<void>
}

/** Where Temporal's own tools look for a server and its UI. */
export const DEFAULT_PORT = 7233
export const DEFAULT_UI_PORT = 8233

const START_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 5_000
/** The length of the log's end that an error shows. */
const LAST_WORDS = 300
/** Another process may take a free port before the server binds it. */
const START_ATTEMPTS = 3

/**
 * The data survives the server's crash or stop, but not the machine's: several times as fast as waiting for the disk.
 * The operating system locks the file while the server lives: two servers on one file would take each other's work.
 */
const SQLITE = ['journal_mode=wal', 'synchronous=normal', 'locking_mode=exclusive'].flatMap((pragma) => [
  '--sqlite-pragma',
  pragma,
])

/** Another Temporal server uses the database file. */
export class TemporalDatabaseInUseError extends Error {
  override readonly name = 'TemporalDatabaseInUseError'
  readonly code = 'TEMPORAL_DATABASE_IN_USE'
  readonly retryable = false

  constructor(dbFile: string, options: ErrorOptions) {
    super(`${dbFile} is in use by another Temporal server: stop that one first`, options)
  }
}

/**
 * Ends the server when this process ends in any way, even by SIGKILL: the kernel then closes the pipe that `cat` reads
 * from.
 */
const GUARD = `
exec 9<&0
"$@" </dev/null 9<&- & server=$!
( cat <&9 >/dev/null; kill -KILL $server 2>/dev/null ) & guard=$!
trap 'kill -TERM $server 2>/dev/null' TERM
wait $server
status=$?
while kill -0 $server 2>/dev/null; do wait $server; status=$?; done
kill $guard 2>/dev/null
exit $status`

/**
 * Starts a Temporal development server and waits until it serves. If `TEMPORAL_ADDRESS` is set, that server is used.
 *
 * @throws TemporalNotFoundError if there is no Temporal CLI, TemporalDatabaseInUseError if another server uses
 *   `dbFile`, Error if the server does not start
 */
export async function startTemporalServer(options: TemporalServerOptions = {}): Promise<TemporalServer> {
  const resolved = await resolveTemporal(options.env)
  if ('address' in resolved) return { address: resolved.address, stop: async () => {}, kill: async () => {} }

  for (let attempt = 1; ; attempt++) {
    try {
      return await startOnce(resolved.executable, options)
    } catch (error) {
      const inVain = options.port !== undefined || error instanceof TemporalDatabaseInUseError
      if (attempt === START_ATTEMPTS || inVain) throw error
    }
  }
}

async function startOnce(executable: string, options: TemporalServerOptions): Promise<TemporalServer> {
  const port = options.port ?? (await freePort())
  const uiPort = options.headless ? undefined : (options.uiPort ?? (await freePort()))
  const address = `127.0.0.1:${port}`
  const args = ['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port), '--log-level', 'warn']
  args.push(...(uiPort === undefined ? ['--headless'] : ['--ui-port', String(uiPort)]))
  if (options.dbFile) args.push('--db-filename', options.dbFile, ...SQLITE)
  for (const [name, value] of Object.entries(options.dynamicConfig ?? {})) {
    args.push('--dynamic-config-value', `${name}=${JSON.stringify(value)}`)
  }

  const log = options.logFile ? openSync(options.logFile, 'a') : 'ignore'
  // A process group of its own: Ctrl-C in a terminal must not end the server while workers drain.
  const child = spawn('/bin/sh', ['-c', GUARD, 'temporal-guard', executable, ...args], {
    stdio: ['pipe', log, log],
    detached: true,
  })
  if (typeof log === 'number') closeSync(log)
  const exited = once(child, 'exit')
  try {
    await waitUntilServing(address, child)
  } catch (cause) {
    await stop(child, exited)
    const { dbFile, logFile } = options
    const said = logFile ? readFileSync(logFile, 'utf8').slice(-LAST_WORDS) : ''
    if (dbFile && said.includes('database is locked')) throw new TemporalDatabaseInUseError(dbFile, { cause })
    throw cause
  }
  return {
    address,
    ...(uiPort === undefined ? {} : { uiUrl: `http://127.0.0.1:${uiPort}` }),
    stop: () => stop(child, exited),
    kill: () => kill(child, exited),
  }
}

/** The server serves once its namespace can be described. The port opens earlier. */
async function waitUntilServing(address: string, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS
  // Loaded while the server starts.
  const { Connection } = await import('@temporalio/client')
  let lastError: unknown
  while (Date.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error(`the Temporal server at ${address} ended while it started`, { cause: lastError })
    }
    const connection = Connection.lazy({ address })
    try {
      await connection.withDeadline(Date.now() + 1000, () =>
        connection.workflowService.describeNamespace({ namespace: 'default' }),
      )
      return
    } catch (error) {
      lastError = error
      await delay(50)
    } finally {
      await connection.close()
    }
  }
  throw new Error(`the Temporal server at ${address} did not serve within ${START_TIMEOUT_MS / 1000} s`, {
    cause: lastError,
  })
}

/** Closing the guard's pipe kills the server. */
async function kill(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  child.stdin?.destroy()
  if (child.exitCode === null && child.signalCode === null) await exited
}

async function stop(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    child.kill('SIGTERM')
    // Closing the guard's pipe kills a server that does not end by itself.
    const force = setTimeout(() => child.stdin?.destroy(), STOP_TIMEOUT_MS)
    await exited
    clearTimeout(force)
  }
  child.stdin?.destroy()
}
