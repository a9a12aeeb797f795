/** One of each shape is added to a copy of the repository, checked, tested, run by the real stack, and taken away again. */
import { execFile } from 'node:child_process'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { copyRepository } from '@/tools/mutants/run.js'
import { SHAPES } from '@/tools/new-integration/integration.js'

const execute = promisify(execFile)
const DEFINITIONS = 'integrations/entries/definitions.ts'
const nameOf = (shape: string) => `acme${shape.charAt(0).toUpperCase()}${shape.slice(1)}`

let copy: Awaited<ReturnType<typeof copyRepository>>
let before: string
beforeAll(async () => {
  copy = await copyRepository()
  before = await readFile(join(copy.folder, DEFINITIONS), 'utf8')
  // What formats and lints asks git what is to be left alone.
  await execute('git', ['init', '-q'], { cwd: copy.folder })
  await mkdir(join(copy.folder, '.data'))
  for (const shape of SHAPES) await npm('run', 'new:integration', '--', nameOf(shape), '--shape', shape)
})
afterAll(() => copy.remove())

async function npm(...args: string[]): Promise<string> {
  const env = { ...process.env, VITEST: undefined, NODE_ENV: undefined }
  const { stdout } = await execute('npm', args, { cwd: copy.folder, env, maxBuffer: 2 ** 26 })
  return stdout
}

it('what was added passes the check', async () => {
  expect(await npm('run', 'check')).not.toContain('FAILED')
})

it('its tests pass', async () => {
  const vitest = ['vitest', 'run', '--project', 'quick-alone', 'tests/integrations/acme']
  expect(await npm('exec', '--', ...vitest)).toMatch(/^13 passed, 0 failed$/m)
})

it('the real stack completes a task of each', async () => {
  const said = await npm('run', 'demo')
  for (const shape of SHAPES) expect(said).toMatch(new RegExp(`${nameOf(shape)} +completed`))
  expect(said.trim().split('\n').at(-1)).toBe('{"created":7,"completed":7,"failed":0}')
})

it.each([
  ['acmePolled', 'polled', 'acmePolled is there already'],
  ['acme-speech', 'polled', '"acme-speech" is no name'],
  ['entries', 'local', '"entries" is taken'],
  ['acmeSpeech', 'round', '--shape round is not known'],
])('refuses %s, %s, and adds nothing', async (name, shape, problem) => {
  const added = npm('run', 'new:integration', '--', name, '--shape', shape)
  await expect(added).rejects.toMatchObject({ stderr: expect.stringContaining(problem) })
})

it('they are taken away again', async () => {
  for (const shape of SHAPES) await npm('run', 'new:integration', '--', nameOf(shape), '--remove')
  expect(await readFile(join(copy.folder, DEFINITIONS), 'utf8')).toBe(before)
  const { stdout } = await execute('git', ['ls-files', '--others', '--exclude-standard', 'integrations', 'tests'], {
    cwd: copy.folder,
  })
  expect(stdout).not.toContain('acme')
})
