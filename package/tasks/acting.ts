/**
 * The commands that change tasks: retry and cancel, by ids or by filters, and let-through, by ids. Nothing is changed
 * before somebody agreed.
 */
import { userInfo } from 'node:os'
import { RefusedError } from '../../client/errors.js'
import { add, inBatches, leftAlone, type Report } from '../../main-component/console/page/batches.js'
import { ANSWER_LOST, payTwice } from '../../main-component/console/page/words.js'
import { type Filter, filterOf, spellFilter } from './filters.js'
import { type Command, listed, type Session } from './looking.js'
import type { OperatorsAPIs } from './operators-apis.js'
import { json, printable } from './terminal.js'
import { ACTS, COMMON, FILTERS, numberOption, parseOptions, TEXT, UsageError } from './usage.js'

interface Act {
  verb: 'Retry' | 'Cancel' | 'Let through'
  one: 'retryTask' | 'cancelTask' | 'letThrough'
  /** Without it, only ids are taken. */
  many?: 'retryMany' | 'cancelMany'
  apis: OperatorsAPIs
  /** Who, why, and how. */
  request: Record<string, unknown>
  options: { yes?: boolean; 'dry-run'?: boolean; json?: boolean }
}

export const retry: Command = async (args, session) => {
  const { status: _of, ...filters } = FILTERS
  const options = { ...COMMON, ...filters, ...ACTS, 'extra-attempts': TEXT }
  const { values, positionals } = parseOptions(args, options)
  const extraAttempts = numberOption('extra-attempts', values['extra-attempts'], 1, 100)
  const request = { ...who(values), ...(extraAttempts !== undefined && { extraAttempts }) }
  const names = { verb: 'Retry', one: 'retryTask', many: 'retryMany' } as const
  const act = { ...names, apis: session.connect(values), request, options: values }
  return actOn(act, positionals, filterOf(values), session)
}

export const cancel: Command = async (args, session) => {
  const { values, positionals } = parseOptions(args, { ...COMMON, ...FILTERS, ...ACTS })
  const names = { verb: 'Cancel', one: 'cancelTask', many: 'cancelMany' } as const
  const act = { ...names, apis: session.connect(values), request: who(values), options: values }
  return actOn(act, positionals, filterOf(values), session)
}

export const letThrough: Command = async (args, session) => {
  const { values, positionals } = parseOptions(args, { ...COMMON, ...ACTS })
  if (positionals.length === 0) throw new UsageError('let-through takes the ids of tasks')
  if (!values.reason?.trim()) throw new UsageError('let-through needs a --reason, which is recorded')
  const act = { verb: 'Let through', one: 'letThrough', apis: session.connect(values) } as const
  return actOn({ ...act, request: who(values), options: values }, positionals, {}, session)
}

export function who({ by = userInfo().username, reason }: { by?: string; reason?: string }) {
  return { by, ...(reason !== undefined && { reason }) }
}

async function actOn(act: Act, ids: string[], filter: Filter, session: Session): Promise<number> {
  const hasFilter = Object.keys(filter).length > 0
  if (ids.length > 0 === hasFilter) {
    throw new UsageError(`${act.verb} which tasks? Name either their ids, or filters such as --integration`)
  }
  const { terminal, signal } = session
  const { yes, 'dry-run': dryRun, json: asJSON } = act.options
  if (!yes && !dryRun) mustBeAttended(terminal)
  const found = await (hasFilter ? count(act, filter) : look(act, ids, session))
  if (dryRun || found.count === 0) {
    terminal.out(asJSON ? json({ found: found.count }) : `${found.shown}\nNothing was changed.`)
    return 0
  }
  const question = `${found.shown}\n${act.verb} ${found.count === 1 ? 'it' : 'them'}?`
  if (!yes && !(await agreed(session, question))) return 1
  const report: Report = { done: 0, refused: {} }
  let isOver = false
  try {
    if (hasFilter) await actOnMany(act, filter, found.count, report, session)
    else await actOnEach(act, found.tasks ?? [], report, session)
    isOver = !signal.aborted
  } finally {
    terminal.out(asJSON ? json(report) : reported(report, isOver ? found.count : 0))
  }
  if (signal.aborted) {
    terminal.err('Stopped: the same command goes on with the rest.')
    signal.throwIfAborted()
  }
  return Object.keys(report.refused).length === 0 ? 0 : 1
}

/** @throws UsageError if nobody is there to agree */
function mustBeAttended({ isAttended }: Session['terminal']): void {
  if (isAttended) return
  throw new UsageError('There is no terminal to ask at: nothing was changed. --yes changes without asking')
}

/** Whether somebody at the terminal agrees. */
export async function agreed({ terminal, signal }: Session, question: string): Promise<boolean> {
  mustBeAttended(terminal)
  const answer = await terminal.ask(`${question} [y/N] `, signal)
  if (/^y(es)?$/i.test(answer.trim())) return true
  terminal.err('Nothing was changed.')
  return false
}

/** @param found so many were counted before */
function reported(report: Report, found: number): string {
  const refused = Object.entries(report.refused).map(([reason, number]) => `${number} refused: ${reason}`)
  const left = leftAlone(report, found)
  return [`${report.done} done`, ...refused, ...(left === '' ? [] : [left])].map(printable).join('\n')
}

function warned(shown: string, lost: number, found: number): string {
  return lost === 0 ? shown : `${shown}\n${payTwice(lost, found)}`
}

interface Found {
  count: number
  shown: string
  tasks?: Array<{ taskId: string; integration: string }>
}

async function count({ apis, many = 'retryMany', request }: Act, filter: Filter): Promise<Found> {
  const { found = 0, mayPayTwice = 0 } = await apis.many(many, { ...request, filter, dryRun: true })
  const shown = printable(`${found} tasks of: ${spellFilter(filter)}`)
  return { count: found, shown: warned(shown, mayPayTwice, found) }
}

async function look({ apis, one }: Act, ids: string[], { terminal }: Session): Promise<Found> {
  const tasks = []
  for (const id of ids) tasks.push(await apis.task(id))
  const lost = tasks.filter(({ error }) => one === 'retryTask' && error?.code === ANSWER_LOST)
  return { count: tasks.length, shown: warned(listed(terminal, tasks), lost.length, tasks.length), tasks }
}

async function actOnMany(
  { apis, many = 'retryMany', request }: Act,
  filter: Filter,
  found: number,
  report: Report,
  { terminal, signal }: Session,
): Promise<void> {
  for await (const done of inBatches((batch) => apis.many(many, { ...request, filter, ...batch }))) {
    add(report, done)
    terminal.progress(`${report.done} of ${found} done`)
    if (signal.aborted) return
  }
}

async function actOnEach(
  { apis, one, request }: Act,
  tasks: NonNullable<Found['tasks']>,
  report: Report,
  { signal }: Session,
): Promise<void> {
  for (const { taskId, integration } of tasks) {
    if (signal.aborted) return
    try {
      await apis.one(integration, one, { apiCallId: taskId, ...request })
      report.done += 1
    } catch (error) {
      if (!(error instanceof RefusedError) || error.status !== 409) throw error
      const { error: why } = error.body as { error?: string }
      const reason = `${taskId}: ${why ?? error.message}`
      report.refused[reason] = 1
    }
  }
}
