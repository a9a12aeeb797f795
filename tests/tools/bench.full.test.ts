/** The bench runs, the way people start it. Its figures are this busy machine's, so nothing is said of them. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, expect, test } from 'vitest'
import { MEASURES } from '@/tools/bench/measures/index.js'

const run = promisify(execFile)
const folder = mkdtempSync(join(tmpdir(), 'bench-test-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function bench(...args: string[]) {
  return run('npm', ['run', '--silent', 'bench', '--', ...args, '--results', join(folder, 'results.json')])
}

const TINY = ['--rounds', '1', '--tasks', '10', '--rows', '100', '--seconds', '0.2', '--integrations', '2']

// Of each kind: of starts, of whole tasks, of single requests, of many processes. The others take a minute or more each.
const names = ['dispatch', 'life', 'create', 'workers', 'several', 'idle', 'operating'] as const

test.each(names)('npm run bench -- %s', async (name) => {
  const [database = ''] = MEASURES[name]?.databases ?? []
  const { stdout } = await bench(name, '--database', database, ...TINY)
  const { report } = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')
  const figures = Object.entries<number>(report[`${name}, ${database}`].figures)
  expect(figures.length).toBeGreaterThan(1)
  for (const [figure, value] of figures) expect.soft(value, figure).toBeGreaterThanOrEqual(0)
})

test('a bench that is resumed measures what is missing, and nothing else', async () => {
  const claim = async (...args: string[]) => {
    await bench('claim', ...TINY, ...args)
    return JSON.parse(readFileSync(join(folder, 'results.json'), 'utf8')).rounds['claim, postgresql']
  }
  const [first] = await claim()
  // A round that nobody disturbed is kept; another is measured once more.
  const rounds = await claim('--resume')
  expect(rounds[0]).toEqual(first)
  expect(rounds).toHaveLength(first.foreignCores <= 0.1 ? 1 : 2)
  await expect(bench('claim', ...TINY, '--resume', '--tasks', '20')).rejects.toMatchObject({
    stderr: expect.stringContaining('has rounds of another size: tasks was not 20'),
  })
})

test('what cannot be measured is refused with the usage', async () => {
  await expect(bench('dispach')).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining('There is no measure dispach'),
  })
  await expect(bench('claim', '--rounds', 'many')).rejects.toMatchObject({ code: 2 })
})
