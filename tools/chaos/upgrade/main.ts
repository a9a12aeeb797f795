/**
 * `npm run upgrade:under-load -- --from 9862a0b --database postgresql --rounds 2`: see docs/upgrading.md. Exits with 0
 * if no task was lost, no attempt used up and nothing made twice; the last line is JSON for programs.
 */
import { parseArgs } from 'node:util'
import { checkoutOf } from './release.js'
import { upgradeUnderLoad } from './run.js'

const { values } = parseArgs({
  options: {
    /** A commit of this repository: by default release 0.1.0. */
    from: { type: 'string', default: '9862a0b' },
    database: { type: 'string', default: 'postgresql' },
    rounds: { type: 'string', default: '1' },
    rate: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
  },
})
const folder = `.data/upgrade/${new Date().toISOString().replace(/[:.]/g, '-')}`
const startedAt = Date.now()
const say = (line: string) =>
  console.log(`${String(Math.round((Date.now() - startedAt) / 1000)).padStart(4)} s  ${line}`)
try {
  if (values.database !== 'postgresql' && values.database !== 'pglite') {
    throw new Error('--database must be postgresql or pglite')
  }
  const report = await upgradeUnderLoad({
    from: { name: values.from, checkout: checkoutOf(values.from, say) },
    database: values.database,
    rounds: positive('rounds'),
    tasksPerSecond: positive('rate'),
    seconds: positive('seconds'),
    seed: positive('seed'),
    folder,
    say,
  })
  for (const { counts, task, what } of report.violations) console.log(`${counts}: ${task} ${what}`)
  console.log(`Logs are in ${folder}/logs`)
  console.log(JSON.stringify({ ...report, violations: report.violations.length }))
  process.exitCode = report.violations.length === 0 ? 0 : 1
} catch (error) {
  console.error(error)
  process.exitCode = 2
}
// Everything is done; a handle that a library left open must not delay the exit.
process.exit()

function positive(option: 'rounds' | 'rate' | 'seconds' | 'seed'): number {
  const value = Number(values[option])
  if (value > 0) return value
  throw new Error(`--${option} must be a positive number, not ${values[option]}`)
}
