/**
 * `npm run demo`: starts the whole application on free ports, creates one task of each kind over HTTP, prints each of
 * their transitions, and stops everything; with `--stay`, at Ctrl-C. The last line is JSON for programs.
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { loadConfig } from '../../config.js'
import * as definitions from '../../integrations/entries/definitions.js'
import { sources } from '../../integrations/entries/sources.js'
import { stopOnSignals } from '../../lib/stop-on-signals.js'
import type { Integration } from '../../provider-kit/definition/define.js'
import { simulatorsInUse } from '../stack/simulators-in-use.js'
import { Stack } from '../stack/stack.js'
import { TaskClient, type TaskView } from '../stack/task-client.js'
import { Display, type Progress } from './display.js'

/** From the first process's start to the last task's end, on a slow machine. */
const TIME_LIMIT_MS = 300_000
/** One task of each integration that has an example. */
const TASKS = Object.values<Integration>(definitions).flatMap(({ namespace, example }) =>
  example ? [{ kind: sources[namespace]?.api?.namespace ?? namespace, request: example }] : [],
)

/** Variables of other sign-in modes, in case this shell has them. */
const JWT_VARIABLES = ['JWKS_URL', 'JWT_SECRET', 'ISSUER', 'AUDIENCE', 'OPERATOR_ROLE', 'ROLES_CLAIM'].map(
  (name) => `AUTH_${name}`,
)

const { stay } = parseArgs({ options: { stay: { type: 'boolean', default: false } } }).values

const display = new Display(process.stdout)
const abort = new AbortController()
const counts = { created: 0, completed: 0, failed: 0 }

const folder = `.data/demo/${new Date().toISOString().replace(/[:.]/g, '-')}`
mkdirSync(folder, { recursive: true })

/** The only user, with this run's token; and the operators'. */
const user = { name: 'demo', token: randomBytes(24).toString('base64url') }
const operatorToken = randomBytes(24).toString('base64url')

const stack = await Stack.create({
  folder,
  // The demo is isolated: it uses neither your database nor this machine's configuration.
  env: {
    DATABASE_URL: undefined,
    CONFIG_MODE: 'local',
    AUTH_MODE: 'tokens',
    API_TOKENS: `${user.name}:${user.token}`,
    OPERATOR_TOKEN: operatorToken,
    ...Object.fromEntries(JWT_VARIABLES.map((name) => [name, undefined])),
  },
  onCrash: (error) => abort.abort(error),
})
const client = new TaskClient(stack.mainUrl, user.token)
/** Set while it only stays up: then a signal is no failure. */
let stopped: (() => void) | undefined
stopOnSignals(
  (signal) => (stopped ? stopped() : abort.abort(new Error(`stopped by ${signal}`))),
  () => stack.kill(),
)
const limit = setTimeout(() => abort.abort(new Error(`not done after ${TIME_LIMIT_MS / 1000} s`)), TIME_LIMIT_MS)

try {
  display.line('Starting a Temporal server, the simulators, main and the async-task daemon …')
  // Main first: tasks can be created before anybody executes them.
  await untilAborted(Promise.all([stack.startTemporal(), stack.startMain()]))
  display.timed(
    `main ${stack.mainUrl}, Temporal ${stack.temporalAddress}${stack.temporalUiUrl ? `, its UI ${stack.temporalUiUrl}` : ''}`,
  )
  for (const name of simulatedProviders()) {
    display.timed(`${name}: no key is configured, a SIMULATOR stands in. Its results are made up on this machine.`)
  }
  const stranger = await fetch(`${stack.mainUrl}/api/test/run`, { method: 'POST', signal: abort.signal })
  display.timed(`main answers ${stranger.status} without a token; the demo asks as user "${user.name}", with its own`)
  display.timed(`the operators’ console is at ${stack.mainUrl}/console; its token is ${operatorToken}`)
  display.line()
  await runTasks()
  if (stay) await untilStopped()
} catch (caught) {
  process.exitCode = 1
  display.stop()
  // Everything in flight failed when the run was aborted: the reason for the abort is more useful.
  const error = abort.signal.aborted ? abort.signal.reason : caught
  display.line(`Failed: ${error instanceof Error ? error.message : String(error)}`)
} finally {
  clearTimeout(limit)
  display.stop()
  display.line()
  display.timed('Stopping everything …')
  await stack.stop()
  display.timed('Stopped.')
}

counts.failed = TASKS.length - counts.completed
if (counts.failed > 0) process.exitCode = 1
display.line(JSON.stringify(counts))
// Everything is done; a handle that a library left open must not delay the exit.
process.exit()

/** Creates the tasks, starts what executes them, and shows how they fare. */
async function runTasks(): Promise<void> {
  const progress = TASKS.map(({ kind }) => ({ name: kind, status: 'new' }))
  display.follow(progress)
  const ids = await Promise.all(TASKS.map((task, index) => createTask(task, progress[index] as Progress)))
  const executing = untilAborted(Promise.all([stack.startSimulators(), stack.startDaemon()]))
  const shown = ids.map((id, index) => showTask(TASKS[index]?.kind ?? '', id, progress[index] as Progress))
  const [ended] = await Promise.all([Promise.all(shown), executing])
  display.stop()

  display.line()
  display.line('Results:')
  for (const [index, { kind }] of TASKS.entries()) {
    const { status, result, error } = ended[index] as TaskView
    if (status === 'completed') counts.completed++
    const files = artifactKeys(result).map((key) => relative('.', join(stack.artifactsDir, key)))
    const outcome = status === 'completed' ? result : error
    display.line(`  ${kind.padEnd(6)} ${status}  ${files.length > 0 ? files.join(', ') : JSON.stringify(outcome)}`)
  }
  display.line(`  Logs are in ${relative('.', folder)}/logs`)
}

/** Leaves everything up until Ctrl-C, or until a part of it dies. */
async function untilStopped(): Promise<void> {
  clearTimeout(limit)
  display.line()
  display.timed(`main ${stack.mainUrl} and its console stay up. Ctrl-C stops everything.`)
  await new Promise<void>((resolve, reject) => {
    stopped = resolve
    abort.signal.addEventListener('abort', () => reject(abort.signal.reason), { once: true })
  })
}

async function createTask({ kind, request }: (typeof TASKS)[number], progress: Progress): Promise<string> {
  const id = await client.create(kind, request, abort.signal)
  counts.created++
  progress.status = 'pending'
  display.timed(`${kind.padEnd(6)} pending     created as task ${id}`)
  return id
}

/** Prints a task's transitions as they happen, and returns it as it ended. */
async function showTask(kind: string, id: string, progress: Progress): Promise<TaskView> {
  let shown = 0
  return client.untilEnded(kind, id, abort.signal, ({ status, timeline }) => {
    for (const { type, attempt, reason } of timeline.slice(shown)) {
      const why = reason ? `  ${reason.code}: ${reason.message}` : ''
      display.timed(`${kind.padEnd(6)} ${type.padEnd(11)} attempt ${attempt}${why}`)
    }
    shown = timeline.length
    progress.status = status
  })
}

/** The files that a result speaks of, wherever in it. */
function artifactKeys(result: unknown): string[] {
  if (typeof result !== 'object' || result === null) return []
  const own = 'key' in result && 'mimeType' in result ? [String(result.key)] : []
  return [...own, ...Object.values(result).flatMap(artifactKeys)]
}

function simulatedProviders(): string[] {
  return simulatorsInUse(loadConfig({ env: { ...stack.env } }).integrations).map(({ integration }) => integration)
}

/** Gives up waiting when the run is aborted; what was started is stopped with the rest. */
function untilAborted<T>(work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    abort.signal.addEventListener('abort', () => reject(abort.signal.reason))
    work.then(resolve, reject)
  })
}
