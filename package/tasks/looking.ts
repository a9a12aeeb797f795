/** The commands that change nothing: list, show, watch and stats. */
import { pause } from '../../lib/abort.js'
import { spellAmount } from '../../lib/money.js'
import type {
  Daemon,
  IntegrationStats,
  ListedTask,
  Stats,
  Task,
  TimelineEntry,
} from '../../main-component/console/page/answers.js'
import { wholeTask } from '../../main-component/console/page/whole-task.js'
import { chargeOf, costOf } from '../../main-component/console/page/words.js'
import { filterOf } from './filters.js'
import type { OperatorsAPIs } from './operators-apis.js'
import { ago, duration, table, time } from './tables.js'
import { json, printable, type Terminal } from './terminal.js'
import { COMMON, FILTERS, numberOption, PAGES, parseOptions, TEXT, UsageError } from './usage.js'

export interface Session {
  /** @throws UsageError without a token, or if the address is none */
  connect(values: { url?: string; timeout?: string }): OperatorsAPIs
  terminal: Terminal
  /** Aborted by Ctrl-C. */
  signal: AbortSignal
}

/** Gives the exit code. */
export type Command = (args: string[], session: Session) => Promise<number>

export const list: Command = async (args, { connect, terminal }) => {
  const { values, positionals } = parseOptions(args, { ...COMMON, ...FILTERS, ...PAGES })
  if (positionals.length > 0) throw new UsageError(`list takes filters, not "${positionals[0]}": see --id`)
  const limit = numberOption('limit', values.limit, 1, 100)
  const { after, before } = values
  const page = await connect(values).list({ ...filterOf(values), limit, after, before })
  if (values.json) {
    terminal.out(json(page, 2))
    return 0
  }
  terminal.out(listed(terminal, page.tasks))
  if (page.previous !== null) terminal.err(`newer ones: --before ${page.previous}`)
  if (page.next !== null) terminal.err(`older ones: --after ${page.next}`)
  return 0
}

export function listed(terminal: Terminal, tasks: ListedTask[]): string {
  const head = ['task', 'integration', 'status', 'for', 'attempts', 'user', 'created', 'error']
  return table(
    terminal,
    head,
    tasks.map((task) => [
      ...[task.taskId, task.integration, task.status, ago(task.statusSince), String(task.attempts)],
      ...[task.userId ?? '-', time(task.createdAt), task.error?.code ?? ''],
    ]),
  )
}

export const show: Command = async (args, { connect, terminal }) => {
  const { values, positionals } = parseOptions(args, COMMON)
  const apis = connect(values)
  const taskId = onlyId('show', positionals)
  const task = await wholeTask((timelineAfter) => apis.task(taskId, timelineAfter))
  terminal.out(values.json ? json(task, 2) : described(terminal, task))
  return 0
}

function onlyId(command: string, [taskId, ...others]: string[]): string {
  if (taskId !== undefined && others.length === 0) return taskId
  throw new UsageError(`${command} takes the id of one task`)
}

function described(terminal: Terminal, task: Task): string {
  const { claim, waitingFor, providerTask, openIntents, error, spend } = task
  const facts: Array<[string, string | null | undefined | false]> = [
    ['task', `${task.taskId} (row ${task.apiCallId})`],
    ['integration', task.integration],
    ['status', `${task.status}${task.statusSince === null ? '' : ` for ${ago(task.statusSince)}`}`],
    ['waits for', waitingFor && `${waitingFor.message} (${waitingFor.code})`],
    ['error', error && `${error.message} (${error.code})`],
    ['user', task.userId ?? 'nobody in particular'],
    ['created', time(task.createdAt)],
    ['due', task.dueAt !== null && time(task.dueAt)],
    ['attempts', `${task.attempts} of ${task.attemptLimit} have ended${task.retryable ? '' : ', the last for good'}`],
    ['claim', claim && `since ${time(claim.since)}, its lease is until ${time(claim.leaseExpiresAt)}`],
    ['last look', task.checkedAt !== null && `${time(task.checkedAt)}, ${ago(task.checkedAt)} ago`],
    ['at provider', providerTask && `${providerTask.id}, of attempt ${providerTask.attempt}`],
    ['cost', spend && costOf(spend)],
    ['let through', task.letThrough && 'by an operator, whatever budgets say'],
    ['unanswered', openIntents.length > 0 && `creates of the attempts ${openIntents.join(', ')}`],
    ['request', json(task.requestParams)],
    ['result', task.result !== null && task.result !== undefined && json(task.result)],
  ]
  const lines = facts.flatMap(([name, value]) => (value ? [`${name.padEnd(13)}${printable(value)}`] : []))
  const runs = task.runs.map((run) => [
    ...[String(run.attempt), time(run.claimedAt), time(run.endedAt), run.outcome ?? '-', String(run.takeOvers)],
    ...[
      run.charge ? chargeOf(run.charge) : '',
      run.error?.code ?? '',
      run.link ?? `${run.workflowId}${run.runId ? ` run ${run.runId}` : ''}`,
    ],
  ])
  const head = ['attempt', 'claimed', 'ended', 'outcome', 'take-overs', 'cost', 'error', 'workflow']
  return [
    lines.join('\n'),
    ...(runs.length > 0 ? [table(terminal, head, runs)] : []),
    ...(task.timeline.length > 0 ? [table(terminal, TIMELINE, task.timeline.map(happened))] : []),
  ].join('\n\n')
}

const TIMELINE = ['time', 'attempt', 'event', 'reason']

function happened({ at, attempt, type, error, reason }: TimelineEntry): string[] {
  const why = error ?? reason
  return [time(at), String(attempt), type, why ? `${why.message} (${why.code})` : '']
}

export const stats: Command = async (args, { connect, terminal }) => {
  const { values, positionals } = parseOptions(args, { ...COMMON, integration: TEXT })
  if (positionals.length > 0) throw new UsageError(`stats takes --integration, not "${positionals[0]}"`)
  const apis = connect(values)
  const found = await apis.stats(values.integration)
  terminal.out(values.json ? json(found, 2) : await counted(terminal, found, apis))
  return 0
}

async function counted(terminal: Terminal, { integrations }: Stats, apis: OperatorsAPIs): Promise<string> {
  const windows = ({ minutes5, hour, day }: { minutes5: number; hour: number; day: number }) =>
    `${minutes5} / ${hour} / ${day}`
  const spread = ({ median, p95 }: { median: number | null; p95: number | null }) =>
    median === null ? '-' : `${duration(median)} / ${duration(p95)}`
  const now = integrations.map((of) => [
    ...[of.integration, String(of.open.pending ?? 0), String(of.open.failed ?? 0)],
    inFlightOf(of),
    ...[duration(of.oldestDueSeconds), spread(of.queued), spread(of.working), asking(of.daemons)],
  ])
  const lately = integrations.map((of) => [
    ...[of.integration, windows(of.completed), windows(of.failedAttempts), windows(of.cancelled)],
    ...[windows(of.takeOvers), windows(of.lostAnswers)],
  ])
  const failures = integrations.flatMap(({ integration, failures }) =>
    failures.map(({ code, count }) => [integration, code, String(count)]),
  )
  const ages = ['oldest due', 'waited median / p95', 'worked median / p95', 'daemons']
  const ends = ['completed', 'failed attempts', 'cancelled', 'take-overs', 'lost answers']
  const users = integrations.flatMap(({ integration, pendingUsers }) =>
    pendingUsers.map(({ user, count }) => [integration, user ?? 'without an id', String(count)]),
  )
  return [
    table(terminal, ['now', 'pending', 'to retry', 'in flight', ...ages], now),
    table(terminal, ['in 5 min / 1 h / 24 h', ...ends], lately),
    ...(users.length > 0 ? [table(terminal, ['pending', 'user', 'of the newest 10,000'], users)] : []),
    ...(failures.length > 0 ? [table(terminal, ['last failures', 'code', 'attempts'], failures)] : []),
    ...spent(terminal, integrations),
    ...asked(
      terminal,
      (await apis.daemons()).filter((of) => integrations.some((it) => it.integration === of.integration)),
    ),
  ].join('\n\n')
}

function inFlightOf({ inFlight, maxTasksInFlight: max, paused }: IntegrationStats): string {
  if (paused) return `${inFlight}, paused`
  return max === null ? String(inFlight) : `${inFlight} of ${max}`
}

/** What providers charged, where that is known. */
function spent(terminal: Terminal, integrations: Stats['integrations']): string[] {
  const rows = integrations.flatMap(({ integration, spend }) => {
    if (!spend) return []
    const { currency, today, month, days30, reserved, budget } = spend
    const of = (amount: number | null | undefined) => (amount == null ? '-' : spellAmount(amount))
    const sums = [today, month, days30].map(({ charged }) => of(charged))
    return [
      [
        ...[integration, currency, ...sums, of(month.ambiguous), of(reserved)],
        budget ? `${of(budget.perDay)} / ${of(budget.perMonth)}` : 'none',
      ],
    ]
  })
  const head = ['spent', 'in', 'today', 'this month', '30 days', 'maybe this month', 'in flight', 'budget day / month']
  return rows.length > 0 ? [table(terminal, head, rows)] : []
}

/** Earlier mains do not tell. */
function asking(daemons: IntegrationStats['daemons'] | undefined): string {
  if (!daemons) return '-'
  const { running, draining, silent, askedSecondsAgo } = daemons
  const stuck = silent > 0 ? `, ${silent} stuck or gone` : ''
  const stopping = draining > 0 ? `, ${draining} stopping` : ''
  return `${running}${stopping}${stuck}, asked ${askedSecondsAgo === null ? 'long ago' : `${duration(askedSecondsAgo)} ago`}`
}

/** Each daemon: one that hangs is not hidden by others. */
function asked(terminal: Terminal, daemons: Daemon[]): string[] {
  const rows = daemons.map(({ name, integration, condition, version, askedAt }) => [
    ...[name ?? 'of an earlier version', integration, condition === 'silent' ? 'stuck or gone' : condition],
    ...[version ?? '-', askedAt === null ? '-' : `${ago(askedAt)} ago`],
  ])
  return rows.length > 0 ? [table(terminal, ['daemon', 'integration', 'state', 'version', 'asked'], rows)] : []
}

const CLEAR_SCREEN = '\u001b[H\u001b[2J'

export const watch: Command = async (args, { connect, terminal, signal }) => {
  const { values, positionals } = parseOptions(args, { ...COMMON, integration: TEXT, interval: TEXT })
  const intervalMs = 1000 * (numberOption('interval', values.interval, 0.1, 3600) ?? 2)
  const apis = connect(values)
  if (positionals.length > 0) return watchTask(onlyId('watch', positionals))
  for (;;) {
    const found = await apis.stats(values.integration)
    const shown = values.json ? json(found) : await counted(terminal, found, apis)
    terminal.out(terminal.isScreen && !values.json ? `${CLEAR_SCREEN}${shown}` : shown)
    await pause(intervalMs, signal)
    signal.throwIfAborted()
  }

  async function watchTask(taskId: string): Promise<number> {
    for (let seen = 0; ; ) {
      const task = await apis.task(taskId, seen)
      for (const entry of task.timeline) terminal.out(values.json ? json(entry) : printable(happened(entry).join('  ')))
      seen += task.timeline.length
      if (task.timelineNext !== null) continue
      if (task.status === 'completed') return 0
      if (task.status === 'cancelled' || (task.status === 'failed' && task.dueAt === null)) return 1
      await pause(intervalMs, signal)
      signal.throwIfAborted()
    }
  }
}
