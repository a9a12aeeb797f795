/** One of each shape is added to a copy of the repository, checked, tested, run by the real stack, and taken away again. */
import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { copyRepository } from '@/tools/mutants/run.js'
import { SHAPES } from '@/tools/new-integration/integration.js'

const execute = promisify(execFile)
const DEFINITIONS = 'integrations/entries/definitions.ts'
const nameOf = (shape: string) => `acme${shape.charAt(0).toUpperCase()}${shape.slice(1)}`

let folder: string
beforeAll(async () => {
  folder = await copyWithOneOfEach()
})

/** A copy of the repository with one of each shape. */
async function copyWithOneOfEach(): Promise<string> {
  const copy = await copyRepository()
  removals.push(copy.remove)
  // What formats and lints asks git what is to be left alone.
  await execute('git', ['init', '-q'], { cwd: copy.folder })
  await mkdir(join(copy.folder, '.data'))
  for (const shape of SHAPES) await npm(copy.folder, 'run', 'new:integration', '--', nameOf(shape), '--shape', shape)
  return copy.folder
}

const removals: Array<() => Promise<void>> = []
afterAll(() => Promise.all(removals.map((remove) => remove())))

async function npm(cwd: string, ...args: string[]): Promise<string> {
  const env = { ...process.env, VITEST: undefined, NODE_ENV: undefined }
  const { stdout } = await execute('npm', args, { cwd, env, maxBuffer: 2 ** 26 })
  return stdout
}

it('what was added passes the check', async () => {
  expect(await npm(folder, 'run', 'check')).not.toContain('FAILED')
})

it('its tests pass', async () => {
  const vitest = ['vitest', 'run', '--project', 'quick-alone', 'tests/integrations/acme']
  const [, passed] = /^(\d+) passed, 0 failed$/m.exec(await npm(folder, 'exec', '--', ...vitest)) ?? []
  // The contract of each shape.
  expect(Number(passed)).toBeGreaterThan(90)
})

it('each has a page', async () => {
  const page = await readFile(join(folder, 'docs/integrations/acmePolled.md'), 'utf8')
  expect(page).toContain('# acmePolled\n')
  expect(page).toContain('`ACME_POLLED_API_KEY`')
  expect(page).not.toMatch(/newIntegration|NEW_INTEGRATION/)
})

it('the real stack completes a task of each', async () => {
  const said = await npm(folder, 'run', 'demo')
  for (const shape of SHAPES) expect(said).toMatch(new RegExp(`${nameOf(shape)} +completed`))
  expect(said.trim().split('\n').at(-1)).toBe('{"created":7,"completed":7,"failed":0}')
})

it.each([
  ['acmePolled', 'polled', 'acmePolled is there already'],
  ['acme-speech', 'polled', '"acme-speech" is no name'],
  ['entries', 'local', '"entries" is taken'],
  ['acmeSpeech', 'round', '--shape round is not known'],
])('refuses %s, %s, and adds nothing', async (name, shape, problem) => {
  const added = npm(folder, 'run', 'new:integration', '--', name, '--shape', shape)
  await expect(added).rejects.toMatchObject({ stderr: expect.stringContaining(problem) })
})

it('they are taken away again', async () => {
  const other = await copyWithOneOfEach()
  for (const shape of SHAPES) await npm(other, 'run', 'new:integration', '--', nameOf(shape), '--remove')
  expect(await readFile(join(other, DEFINITIONS), 'utf8')).toBe(await readFile(DEFINITIONS, 'utf8'))
  const left = readdirSync(other, { recursive: true, encoding: 'utf8' }).filter((file) => file.includes('acme'))
  expect(left.filter((file) => /^(integrations|tests|docs)/.test(file))).toEqual([])
})
