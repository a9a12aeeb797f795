/**
 * `npm run chaos -- --tasks 500 --daemons 3 --mains 2 --seed 1 --minutes 5`: see docs/reliability.md. Exits with 0
 * if nothing was lost, run twice, paid twice or overwritten; the last line is JSON for programs.
 */
import { parseArgs } from 'node:util'
import { isClean, table } from './report.js'
import { runChaos } from './run.js'
import { FAULT_KINDS, type FaultKind } from './schedule.js'

const { values } = parseArgs({
  options: {
    tasks: { type: 'string', default: '500' },
    daemons: { type: 'string', default: '3' },
    mains: { type: 'string', default: '2' },
    seed: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '5' },
    /** Kinds of faults to leave out, separated by commas. */
    without: { type: 'string', default: '' },
    /** A fault of claims beside each other fault. */
    claims: { type: 'boolean', default: false },
  },
})
const folder = `.data/chaos/${new Date().toISOString().replace(/[:.]/g, '-')}`
try {
  const report = await runChaos({
    tasks: positive('tasks'),
    daemons: positive('daemons'),
    mains: positive('mains'),
    seed: positive('seed'),
    minutes: positive('minutes'),
    without: kinds(values.without),
    claims: values.claims,
    folder,
    say: console.log,
  })
  for (const line of table(report)) console.log(line)
  console.log(`Logs are in ${folder}/logs`)
  console.log(JSON.stringify(report.summary))
  process.exitCode = isClean(report.summary) ? 0 : 1
} catch (error) {
  console.error(error)
  process.exitCode = 2
}
// Everything is done; a handle that a library left open must not delay the exit.
process.exit()

function positive(option: 'tasks' | 'daemons' | 'mains' | 'seed' | 'minutes'): number {
  const value = Number(values[option])
  const whole = option === 'minutes' || Number.isInteger(value)
  if (value > 0 && whole) return value
  return usage(`--${option} must be a positive${option === 'minutes' ? '' : ' whole'} number, not ${values[option]}`)
}

function kinds(list: string): FaultKind[] {
  return list
    .split(',')
    .filter((name) => name !== '')
    .map((name) => FAULT_KINDS.find((kind) => kind === name) ?? usage(`--without: there is no fault ${name}`))
}

function usage(problem: string): never {
  console.error(`${problem}. Faults: ${FAULT_KINDS.join(', ')}`)
  process.exit(2)
}
