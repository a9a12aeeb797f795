/** What was measured, as text for people and as Markdown. */
import { GOALS, type Goal, isMet } from './goals.js'
import { MEASURES } from './measures/index.js'
import { keyOf, type Results, type Summary, summaryOf } from './results.js'

/** Three digits, without an exponent. */
export function rounded(value: number): string {
  if (!Number.isFinite(value)) return 'none'
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US')
  return String(Number(value.toPrecision(Math.abs(value) >= 0.1 ? 3 : 2)))
}

/** `fromAnswerP50ToBareStart` reads `from answer p50 to bare start`. */
function words(name: string): string {
  return name.replace(/([A-Z]+[0-9]*)/g, ' $1').toLowerCase()
}

export function asText(title: string, { figures, rounds, clean }: Summary): string {
  const lines = Object.entries(figures).map(([name, value]) => `  ${name.padEnd(32)} ${rounded(value)}`)
  return [`${title} (${roundsOf(clean, rounds)})`, ...lines].join('\n')
}

function roundsOf(clean: number, rounds: number): string {
  return clean === rounds ? `${rounds} clean` : `${clean} of ${rounds} clean`
}

/** Everything that the page has from the bench. */
export function asMarkdown(results: Results): string {
  const machine = Object.entries(results.machine).map(([name, value]) => `| ${name} | ${value} |`)
  const { tasks, rows, seconds } = results.size
  const size = `${tasks} tasks a round, ${rows.toLocaleString('en-US')} rows, ${seconds} s of watching what is idle`
  return [
    table(['measured on', ''], [...machine, `| size | ${size} |`]),
    '### Goals',
    goalTable(results),
    ...Object.keys(MEASURES).flatMap((name) => measureTable(results, name)),
  ].join('\n\n')
}

function goalTable(results: Results): string {
  const rows = GOALS.flatMap((goal) => {
    const summary = summaryOf(results.rounds[keyOf(goal.measure, goal.database)])
    const value = summary?.figures[goal.figure]
    if (!summary || value === undefined) return []
    const met = isMet(goal, value) ? 'yes' : '**no**'
    const cells = [
      goal.says,
      goal.database,
      boundOf(goal),
      rounded(value),
      met,
      roundsOf(summary.clean, summary.rounds),
    ]
    return [`| ${cells.join(' | ')} |`]
  })
  return table(['measure', 'on', 'goal', 'median', 'met', 'rounds'], rows)
}

function boundOf({ is, bound, unit }: Goal): string {
  const sign = is === 'at least' ? '≥' : '≤'
  return `${sign} ${bound.toLocaleString('en-US')}${unit === undefined ? '' : ` ${unit}`}`
}

function measureTable(results: Results, name: string): string[] {
  const measure = MEASURES[name]
  const summaries = (measure?.databases ?? []).flatMap((database) => {
    const summary = summaryOf(results.rounds[keyOf(name, database)])
    return summary ? [{ database, ...summary }] : []
  })
  if (!measure || summaries.length === 0) return []
  const figures = [...new Set(summaries.flatMap((summary) => Object.keys(summary.figures)))]
  const rows = figures.map((figure) => {
    const cells = summaries.map((summary) => cell(summary.figures[figure]))
    return `| ${words(figure)} | ${cells.join(' | ')} |`
  })
  const head = summaries.map(({ database, clean, rounds }) => `${database}, ${roundsOf(clean, rounds)}`)
  return [`### ${name}`, `${measure.title}.`, table(['', ...head], rows)]
}

function cell(value: number | undefined): string {
  return value === undefined ? '' : rounded(value)
}

/** @param rows as lines of Markdown */
export function table(head: string[], rows: string[]): string {
  return [`| ${head.join(' | ')} |`, `|${' --- |'.repeat(head.length)}`, ...rows].join('\n')
}
