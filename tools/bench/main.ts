/**
 * `npm run bench -- dispatch pickup --rounds 3 --database postgresql`: measures on this machine, as ratios to what
 * Temporal's client alone reaches in the same round. Prints a table, then JSON.
 */
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { type Figures, MEASURES } from './measures.js'
import { median } from './statistics.js'
import { DATABASES } from './system.js'

/** A round beside which others used more of the machine is marked. */
const FOREIGN_CORES = 0.1

const USAGE = `Usage: npm run bench -- [all | ${Object.keys(MEASURES).join(' | ')}] [options]
  --rounds <number>    how often each is measured; default 3
  --tasks <number>     tasks of a round; default 1000
  --database <name>    ${DATABASES.join(' or ')}; default: both`

const { values, positionals } = arguments_()
const names = positionals.length === 0 || positionals.includes('all') ? Object.keys(MEASURES) : positionals
const [rounds, tasks] = [positive('rounds'), positive('tasks')]
const databases = DATABASES.filter((name) => values.database === undefined || values.database === name)
if (databases.length === 0) usage(`--database: there is no ${values.database}`)

const report: Record<string, { median: Figures; rounds: Figures[] }> = {}
for (const name of names) {
  const measure = MEASURES[name as keyof typeof MEASURES] ?? usage(`There is no measure ${name}`)
  for (const database of databases) {
    const measured: Figures[] = []
    for (let round = 0; round < rounds; round += 1) measured.push(await measure({ tasks, database }))
    const title = `${name}, ${database}`
    report[title] = { median: medians(measured), rounds: measured }
    print(title, report[title].median, measured)
  }
}
const machine = `${cpus().length} cores, ${cpus()[0]?.model}, Node ${process.version}`
console.log(JSON.stringify({ machine, rounds, tasks, report }))

function medians(measured: Figures[]): Figures {
  const keys = Object.keys(measured[0] ?? {})
  return Object.fromEntries(keys.map((key) => [key, median(measured.map((figures) => figures[key] ?? Number.NaN))]))
}

function print(title: string, figures: Figures, measured: Figures[]): void {
  const disturbed = measured.filter(({ foreignCores = 0 }) => foreignCores > FOREIGN_CORES).length
  console.log(`\n${title}${disturbed > 0 ? ` (${disturbed} of ${measured.length} rounds disturbed by others)` : ''}`)
  for (const [name, value] of Object.entries(figures)) console.log(`  ${name.padEnd(28)} ${rounded(value)}`)
}

function rounded(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3)
}

function arguments_() {
  const options = {
    rounds: { type: 'string', default: '3' },
    tasks: { type: 'string', default: '1000' },
    database: { type: 'string' },
  } as const
  try {
    return parseArgs({ allowPositionals: true, options })
  } catch (error) {
    return usage((error as Error).message)
  }
}

function positive(option: 'rounds' | 'tasks'): number {
  const value = Number(values[option])
  return Number.isInteger(value) && value > 0 ? value : usage(`--${option} must be a positive whole number`)
}

function usage(problem: string): never {
  console.error(`${problem}\n${USAGE}`)
  process.exit(2)
}
