import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const exitWithParent = pathToFileURL(join(root, 'tools', 'stack', 'exit-with-parent.mjs')).href

const READY_TIMEOUT_MS = 90_000
/** Longer than any component's own grace time on this machine. */
const STOP_TIMEOUT_MS = 20_000
const LOG_TAIL_LINES = 25

/** A process of the stack did not become ready, or exited by itself. Contains the end of its log. */
export class ChildFailedError extends Error {
  override readonly name = 'ChildFailedError'
  readonly code = 'CHILD_FAILED'
  readonly retryable = false

  constructor(
    readonly child: string,
    what: string,
    logFile?: string,
  ) {
    super(`${child} ${what}.${logFile ? ` The end of ${logFile}:\n${tail(logFile)}` : ''}`)
  }
}

export interface ChildOptions {
  name: string
  /** A file of the repository, TypeScript or built. */
  entry: string
  /** Another checkout of the repository to run instead of this one. */
  checkout?: string
  args?: string[] | undefined
  env: NodeJS.ProcessEnv
  /** Everything the process prints is appended here. Default: it goes to this process's terminal. */
  logFile?: string
  /** How long it may take to be ready. Default: a minute and a half. */
  readyTimeoutMs?: number
  /** Aborts a start under way. */
  signal: AbortSignal
  /** Called when the process exits without having been stopped, after it was ready. */
  onCrash: (error: ChildFailedError) => void
}

export interface Child {
  name: string
  pid: number
  /** The process's ready message. */
  ready: { type: 'ready'; [field: string]: unknown }
  /** Sends the process a message over its channel. */
  send(message: object): void
  /** Stops the process, and resolves when it is gone: kills it if that takes too long. */
  stop(): Promise<void>
  /** Kills the process, as a crash would. Resolves when it is gone. */
  kill(): Promise<void>
}

/**
 * Starts an entry of the repository and waits for its `{ type: 'ready' }` message.
 *
 * @throws ChildFailedError
 */
export async function startChild({
  name,
  entry,
  checkout = root,
  args = [],
  env,
  logFile,
  readyTimeoutMs = READY_TIMEOUT_MS,
  signal,
  onCrash,
}: ChildOptions): Promise<Child> {
  const log = logFile ? openSync(logFile, 'a') : 'inherit'
  const child = spawn(
    process.execPath,
    [...(entry.endsWith('.ts') ? ['--import', 'tsx'] : []), '--import', exitWithParent, join(checkout, entry), ...args],
    {
      cwd: checkout,
      env,
      stdio: ['ignore', log, log, 'ipc'],
      // A process group of its own: Ctrl-C in a terminal reaches only the parent, which stops its children in order.
      detached: true,
    },
  )
  if (typeof log === 'number') closeSync(log)
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  let stopping = false

  async function kill(): Promise<void> {
    stopping = true
    if (hasExited(child)) return
    child.kill('SIGKILL')
    await exited
  }

  async function stop(): Promise<void> {
    stopping = true
    if (hasExited(child)) return
    // It then shuts down by itself, after exactly one signal, even if this process exits meanwhile.
    if (child.connected) child.disconnect()
    const force = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
    await exited
    clearTimeout(force)
  }

  const ready = await untilReady(child, readyTimeoutMs, signal)
  if (typeof ready === 'string') {
    // Gracefully: a daemon with one worker still being built may have paid for something with another.
    await stop()
    throw new ChildFailedError(name, ready, logFile)
  }
  child.once('exit', () => {
    if (!stopping) onCrash(new ChildFailedError(name, `ended by itself: ${exitText(child)}`, logFile))
  })
  return {
    name,
    pid: child.pid as number,
    ready,
    send: (message) => void child.send(message),
    stop,
    kill,
  }
}

/** The ready message, or why there is none. */
function untilReady(child: ChildProcess, timeoutMs: number, signal: AbortSignal): Promise<Child['ready'] | string> {
  return new Promise((resolve) => {
    const done = (outcome: Child['ready'] | string) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
      resolve(outcome)
    }
    const abort = () => done('was stopped while it started')
    const timer = setTimeout(() => done(`was not ready after ${timeoutMs / 1000} s`), timeoutMs)
    signal.addEventListener('abort', abort)
    if (signal.aborted) abort()
    child.on('message', (message: unknown) => {
      if (typeof message === 'object' && message !== null && 'type' in message && message.type === 'ready') {
        done(message as Child['ready'])
      }
    })
    child.once('error', (error) => done(`could not be started: ${error.message}`))
    child.once('exit', () => done(`ended while it started: ${exitText(child)}`))
  })
}

function hasExited(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null
}

function exitText(child: ChildProcess): string {
  return child.signalCode ?? `exit code ${child.exitCode}`
}

function tail(logFile: string): string {
  const lines = readFileSync(logFile, 'utf8').trimEnd().split('\n')
  return lines
    .slice(-LOG_TAIL_LINES)
    .map((line) => `    ${line}`)
    .join('\n')
}
