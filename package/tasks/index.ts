/** `async-task tasks`: what operators see and do, from a command line, over main's APIs for operators. */
import { RefusedError, TaskClientError } from '../../client/errors.js'
import { cancel, letThrough, retry } from './acting.js'
import { limits, pause, resume } from './controlling.js'
import { type Command, list, type Session, show, stats, watch } from './looking.js'
import { OperatorsAPIs } from './operators-apis.js'
import { printable, type Terminal } from './terminal.js'
import { numberOption, USAGE, UsageError } from './usage.js'

const COMMANDS: Record<string, Command> = {
  ...{ list, show, watch, stats, retry, cancel, pause, resume, limits },
  'let-through': letThrough,
}
const FAILED = 1
const WRONGLY_ASKED = 2
/** As a shell says of what Ctrl-C ended. */
const INTERRUPTED = 130

export interface TasksOptions {
  env: NodeJS.ProcessEnv
  terminal: Terminal
  /** Aborted by Ctrl-C. */
  signal: AbortSignal
}

/** Gives the exit code. */
export async function runTasks([name = '', ...args]: string[], options: TasksOptions): Promise<number> {
  const { terminal, signal } = options
  try {
    if (['help', '--help', '-h'].includes(name) || args.includes('--help')) {
      terminal.out(USAGE)
      return 0
    }
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
    if (!command) throw new UsageError(name === '' ? 'A command is missing' : `There is no command "${name}"`)
    return await command(args, { connect: connectBy(options), terminal, signal })
  } catch (error) {
    if (error instanceof UsageError) {
      terminal.err(`${error.message}. See: async-task tasks --help`)
      return WRONGLY_ASKED
    }
    if (signal.aborted) return INTERRUPTED
    if (!(error instanceof TaskClientError)) throw error
    terminal.err(printable(withRemedy(error)))
    return error instanceof RefusedError && error.status === 400 ? WRONGLY_ASKED : FAILED
  }
}

/** The address and the token, from options and the environment. */
function connectBy({ env, terminal, signal }: TasksOptions): Session['connect'] {
  return ({ url = env.MAIN_URL || env.MAIN || 'http://127.0.0.1:3000', timeout }) => {
    const token = env.OPERATOR_TOKEN || env.INTERNAL_API_TOKEN
    if (!token) throw new UsageError('OPERATOR_TOKEN is not set: it has to be the operators’ token of main')
    if (!/^https?:\/\//.test(url) || !URL.canParse(url)) {
      throw new UsageError(`"${url}" is no http(s) address: set MAIN_URL, or --url`)
    }
    const retryForMs = 1000 * (numberOption('timeout', timeout, 0, 3600) ?? 10)
    return new OperatorsAPIs(url, token, retryForMs, signal, terminal.progress)
  }
}

/** What to do about it, where that is not plain. */
function withRemedy(error: TaskClientError): string {
  const { cause } = error
  const why = cause instanceof Error ? (cause.cause ?? cause) : undefined
  if (error.code === 'UNREACHABLE') {
    return `${error.message}${why instanceof Error ? ` (${why.message})` : ''}: is MAIN_URL, or --url, right?`
  }
  if (error instanceof RefusedError && error.status === 401) return `${error.message}. Set OPERATOR_TOKEN`
  return error.message
}
