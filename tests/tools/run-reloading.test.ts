import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { eventually } from '../support/eventually.js'

const TSX = import.meta.resolve('tsx')

test('what is saved as soon as everything is said to run starts it again', async () => {
  const cwd = await mkdtemp(join(tmpdir(), 'reloading-'))
  onTestFinished(() => rm(cwd, { recursive: true }))
  await mkdir(join(cwd, 'tools/simulators'), { recursive: true })
  await writeFile(join(cwd, 'tools/simulators/saved.ts'), '')
  const file = fileURLToPath(new URL('./fixtures/reloading.ts', import.meta.url))
  const tsconfig = fileURLToPath(new URL('../../tsconfig.json', import.meta.url))
  const env = { ...process.env, TSX_TSCONFIG_PATH: tsconfig }
  const child = fork(file, { cwd, env, execArgv: ['--import', TSX], silent: true })
  onTestFinished(() => void child.kill('SIGKILL'))
  let output = ''
  child.stdout?.on('data', (data) => {
    output += data
  })
  await eventually(() => expect(output).toContain('All runs.'))
  await eventually(() => expect(output).toContain('Started again: program.'), 15_000)
  child.kill('SIGTERM')
  expect(await once(child, 'exit')).toEqual([0, null])
})
