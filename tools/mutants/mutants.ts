/**
 * Removes one rule after another, and runs the tests that have to notice: `npm run mutants`, or with parts of names,
 * such as `-- capacity`, only those. It works in a copy of the repository, and prints a table.
 */
import { MUTANTS } from './list.js'
import { copyRepository, type Verdict, withoutRule } from './run.js'

const wanted = process.argv.slice(2)
const mutants = MUTANTS.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
const copy = await copyRepository()
const counts: Record<Verdict['kind'], number> = { killed: 0, survived: 0, late: 0, stale: 0 }
process.stdout.write('| mutant | verdict | seconds | noticed by | saying |\n|---|---|---|---|---|\n')
try {
  for (const mutant of mutants) {
    const { kind, noticed, text } = await withoutRule(copy.folder, mutant)
    counts[kind] += 1
    const cells = [mutant.name, kind, noticed?.seconds.toFixed(1) ?? '', noticed?.test ?? '', text]
    process.stdout.write(`| ${cells.map((cell) => cell.replaceAll('|', '/')).join(' | ')} |\n`)
  }
} finally {
  await copy.remove()
}
const { killed, ...others } = counts
const failures = Object.values(others).reduce((sum, count) => sum + count, 0)
process.stdout.write(
  `${killed} of ${mutants.length} killed, ${others.survived} survived, ${others.late} noticed only by a time-out, ${others.stale} not applicable\n`,
)
process.exitCode = failures > 0 || mutants.length === 0 ? 1 : 0
