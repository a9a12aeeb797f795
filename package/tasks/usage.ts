/** What `async-task tasks` takes, as its help says it. */
import { type ParseArgsConfig, parseArgs } from 'node:util'

export const USAGE = `Usage: async-task tasks <command> [options]
  list                          tasks of all integrations and users, the newest first
  show <task id>                everything that is known of a task
  watch [<task id>]             what happens to a task until it is over; without an id, stats every few seconds
  stats                         how much each integration has to do, how fast it does it, what fails, and what it cost
  retry <task id …> | filters   allows failed tasks more attempts, the first of them now
  cancel <task id …> | filters  cancels tasks that are not over
  let-through <task id …>       lets waiting tasks begin though a budget is used up. Needs a --reason
  pause <integration>           claims no more of its tasks; what is in flight goes on. Needs a --reason
  resume <integration>          claims its tasks again
  limits <integration>          shows the limits of its tasks in flight, or sets them: --in-flight <number | none>,
                                --in-flight-per-user <number | none>; or that of its requests to the provider:
                                --requests-per-minute <number | none>. None: as configured

Filters, all of which have to hold:
  --integration <name>   --user <id>   --code <of the last failure>   --id <a part of the task's id>
  --status <pending | queued | processing | completed | failed | cancelled>
  --since <when>         created then or later: 2026-11-28T06:00Z, or 30m, 12h, 7d ago
  --until <when>         created before then

Options
  --limit <1 to 100>, --after <cursor>, --before <cursor>   pages of list
  --interval <seconds>       of watch. Default: 2
  --extra-attempts <number>  of retry: attempts that are left at least. Default: 1
  --by <name>, --reason <text>   who acts and why, for the record of operators' acts. Default: the system's user
  --dry-run                  only counts the tasks
  --yes                      does not ask. Without a terminal nothing is changed unless this is given
  --json                     answers for programs: JSON, of watch one line each
  --url <url>                main's address. Default: MAIN_URL, else http://127.0.0.1:3000
  --timeout <seconds>        for how long a request is tried again. Default: 10

OPERATOR_TOKEN has the operators' token; without it INTERNAL_API_TOKEN is used.
Exit code: 0 if it is done, 1 if it failed or some task was refused, 2 if it was asked wrongly, 130 after Ctrl-C.

Examples
  async-task tasks list --status failed --since 1h
  async-task tasks show bQaq5vvYaYyG3Z4mZazDgg --json | jq .runs
  async-task tasks retry --integration acmeSpeech --code deadline_exceeded --since 1h --dry-run
  async-task tasks retry --integration acmeSpeech --code deadline_exceeded --since 1h --reason 'provider is back'
  async-task tasks cancel bQaq5vvYaYyG3Z4mZazDgg --reason 'not wanted' --yes
  async-task tasks limits acmeSpeech --in-flight 5 --reason 'provider is slow'`

/** It was asked wrongly. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
  readonly code = 'USAGE'
}

export const TEXT = { type: 'string' } as const
const flag = { type: 'boolean' } as const

export const COMMON = { json: flag, help: flag, url: TEXT, timeout: TEXT }
export const FILTERS = { integration: TEXT, status: TEXT, user: TEXT, code: TEXT, id: TEXT, since: TEXT, until: TEXT }
export const ACTS = { by: TEXT, reason: TEXT, yes: flag, 'dry-run': flag }
export const PAGES = { limit: TEXT, after: TEXT, before: TEXT }

type Options = NonNullable<ParseArgsConfig['options']>

/** A task's id of which one in 64 begins as an option does. */
const ID_LIKE_AN_OPTION = /^-[\w-]{21}$/

/** @throws UsageError if an option is unknown or lacks its value */
export function parseOptions<Given extends Options>(args: string[], options: Given) {
  const isOption = (arg: string) => Object.hasOwn(options, arg.replace(/^--|=.*$/g, ''))
  const ids = args.filter((arg) => ID_LIKE_AN_OPTION.test(arg) && !isOption(arg))
  const others = args.filter((arg) => !ids.includes(arg))
  try {
    return parseArgs({ args: ids.length > 0 ? [...others, '--', ...ids] : args, options, allowPositionals: true })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

/** @throws UsageError if it is no number from `least` to `most` */
export function numberOption(name: string, given: string | undefined, least: number, most: number): number | undefined {
  if (given === undefined) return undefined
  const value = Number(given)
  if (given.trim() !== '' && value >= least && value <= most) return value
  throw new UsageError(`--${name} has to be a number from ${least} to ${most}, not "${given}"`)
}
