/**
 * `npm run bench -- dispatch pickup --rounds 3 --database postgresql`: measures on this machine, as ratios to what
 * Temporal's client alone reaches in the same round. Prints a table, then JSON.
 */
import { execFileSync } from 'node:child_process'
import { cpus, totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { measuredBy } from '../capacity/from-bench.js'
import { writeMeasured } from '../capacity/service-times.js'
import { describe } from '../capacity/tables.js'
import { readMachineTime, usedBetween } from './machine-time.js'
import type { Measure } from './measure.js'
import { MEASURES } from './measures/index.js'
import { writePage } from './page.js'
import { isClean, keyOf, type Results, type Round, readResults, summaryOf, writeResults } from './results.js'
import { stopRunningOnSignals } from './running.js'
import { DATABASES, type DatabaseKind } from './system.js'
import { asMarkdown, asText } from './tables.js'

const PAGE = 'docs/performance.md'
const CAPACITY = 'docs/capacity.md'

const USAGE = `Usage: npm run bench -- [all | ${Object.keys(MEASURES).join(' | ')}] [options]
  --rounds <number>    how often each is measured; default 3. Those that are long are measured once
  --database <name>    ${DATABASES.join(' or ')}, or postgres for short; default: both
  --write              writes the figures into ${PAGE}, and what follows from them into ${CAPACITY}
  --resume             keeps the rounds of the results file, and measures until there are so many clean rounds
  --results <file>     where the rounds are kept; default .data/bench/results.json
  --tasks <number>     tasks of a round; default 1000
  --rows <number>      rows beside which a fetch is compared; default 1,000,000
  --seconds <number>   how long what is idle is watched; default 10
  --integrations <n>   instead of 20 and 50, where many are measured`

const optionsSchema = z.object({
  rounds: z.coerce.number().int().min(1),
  tasks: z.coerce.number().int().min(1),
  rows: z.coerce.number().int().min(1),
  seconds: z.coerce.number().positive(),
  integrations: z.coerce.number().int().min(1).optional(),
  database: z.preprocess((name) => (name === 'postgres' ? 'postgresql' : name), z.enum(DATABASES).optional()),
  write: z.boolean(),
  resume: z.boolean(),
  results: z.string(),
})

const { options, names } = readArguments()
stopRunningOnSignals()
const { rounds, results: file } = options
const size = { tasks: options.tasks, rows: options.rows, seconds: options.seconds }
const results: Results = {
  rounds: {},
  ...(options.resume && readResults(file, size)),
  machine: describeMachine(),
  size,
}

// Round by round, so that all have been measured once however early it ends.
for (let round = 1; round <= rounds; round += 1) {
  for (const name of names) {
    const measure = MEASURES[name] ?? usage(`There is no measure ${name}`)
    for (const database of measure.databases) {
      if (options.database !== undefined && options.database !== database) continue
      if (measure.once && round > 1) continue
      await measureOnce(keyOf(name, database), measure, database, round)
    }
  }
}
report()

/** Keeps the round, or tells why there is none. */
async function measureOnce(key: string, measure: Measure, database: DatabaseKind, round: number): Promise<void> {
  results.rounds[key] ??= []
  const measured = results.rounds[key]
  if (measured.filter(isClean).length >= round) return
  const before = readMachineTime()
  try {
    const figures = await measure.run({ ...size, database, integrations: options.integrations })
    const after = readMachineTime()
    const { foreignCores } = usedBetween(before, after)
    const last: Round = { at: new Date().toISOString(), seconds: (after.at - before.at) / 1000, foreignCores, figures }
    measured.push(last)
    writeResults(file, results)
    console.log(`\n${asText(key, { figures, rounds: 1, clean: Number(isClean(last)) })}`)
    console.log(`  took ${last.seconds.toFixed(0)} s; others used ${foreignCores.toFixed(2)} cores`)
  } catch (error) {
    console.error(`\n${key} could not be measured:`, error)
    process.exitCode = 1
  }
}

function report(): void {
  const report = Object.entries(results.rounds).flatMap(([key, of]) => {
    const summary = summaryOf(of)
    return summary ? [[key, summary] as const] : []
  })
  for (const [key, summary] of report) console.log(`\n${asText(key, summary)}`)
  if (options.write) write()
  console.log(JSON.stringify({ ...results, report: Object.fromEntries(report) }))
}

/** Both pages, and what the simulation takes from here. */
function write(): void {
  writePage(PAGE, asMarkdown(results))
  const measured = measuredBy(results)
  if (!measured) return
  writeMeasured(measured)
  writePage(CAPACITY, describe(measured))
}

function describeMachine(): Record<string, string> {
  const commit = execFileSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' }).trim()
  return {
    machine: `${cpus().length} cores, ${cpus()[0]?.model}, ${Math.round(totalmem() / 2 ** 30)} GB`,
    Node: process.version,
    commit,
    date: new Date().toISOString().slice(0, 10),
  }
}

function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        rounds: { type: 'string', default: '3' },
        tasks: { type: 'string', default: '1000' },
        rows: { type: 'string', default: '1000000' },
        seconds: { type: 'string', default: '10' },
        integrations: { type: 'string' },
        database: { type: 'string' },
        write: { type: 'boolean', default: false },
        resume: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
        results: { type: 'string', default: '.data/bench/results.json' },
      },
    })
    if (values.help) {
      console.log(USAGE)
      process.exit(0)
    }
    const parsed = optionsSchema.safeParse(values)
    if (!parsed.success) return usage(z.prettifyError(parsed.error))
    const all = positionals.length === 0 || positionals.includes('all')
    const unknown = positionals.find((name) => name !== 'all' && !Object.hasOwn(MEASURES, name))
    if (unknown !== undefined) return usage(`There is no measure ${unknown}`)
    return { options: parsed.data, names: all ? Object.keys(MEASURES) : positionals }
  } catch (error) {
    return usage((error as Error).message)
  }
}

function usage(problem: string): never {
  console.error(`${problem}\n${USAGE}`)
  process.exit(2)
}
