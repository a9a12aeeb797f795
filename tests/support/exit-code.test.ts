/** Whether a test run has failed is told by its exit code: CI goes by nothing else. */
import { spawnSync } from 'node:child_process'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const FAILS = 'FAILS_ON_PURPOSE'

it('a run with a test that fails ends with 1', () => {
  if (process.env[FAILS]) expect.fail('as it was told to')
  const file = relative('.', fileURLToPath(import.meta.url))
  const args = ['node_modules/vitest/vitest.mjs', 'run', '--project', 'quick', file]
  const env = { ...process.env, [FAILS]: 'yes', VITEST: undefined, NODE_ENV: undefined }
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', env })
  expect({ status, said: stdout.trim().split('\n').at(-1) }).toEqual({ status: 1, said: '0 passed, 1 failed' })
})
