/** `async-task tasks` at a real terminal, and without one. */
import { execFile } from 'node:child_process'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestMain, type TestMain } from '../support/main.js'
import { plantTask } from '../support/tasks.js'
import { Terminal } from './terminal.js'

const CTRL_D = '\x04'
const COMMAND = [process.execPath, '--import', 'tsx', 'package/cli.ts', 'tasks']

let main: TestMain
let env: Record<string, string>
beforeAll(async () => {
  main = await startTestMain({ operatorToken: 'operator-token-0123456789' })
  env = { MAIN_URL: main.url, OPERATOR_TOKEN: 'operator-token-0123456789' }
  await plantTask(main.component.controller, { taskKey: 'asked-about' })
})
afterAll(() => main?.stop())

it.each([
  ['no', 'n\n', 1, 'Nothing was changed.', 'pending'],
  ['the end of all input', CTRL_D, 1, 'Nothing was changed.', 'pending'],
  ['Ctrl-C', '\x03', 130, '[y/N]', 'pending'],
  ['yes', 'y\n', 0, '1 done', 'cancelled'],
])('asks, and is answered %s', async (_answer, keys, code, said, status) => {
  const terminal = new Terminal([...COMMAND, 'cancel', 'asked-about'], env)
  await terminal.until(/Cancel it\? \[y\/N\]/)
  terminal.type(keys)
  expect(await terminal.exit).toBe(code)
  expect(terminal.output).toContain(said)
  const { body } = await main.get('/api/operator/tasks/asked-about', {
    authorization: `Bearer ${env.OPERATOR_TOKEN}`,
  })
  expect(body.status).toBe(status)
})

it('ends with the code of what came of it, and writes no colours where nobody looks', async () => {
  const run = (...args: string[]) =>
    new Promise((resolve) => {
      const [program = '', ...rest] = COMMAND
      const { PATH, HOME } = process.env
      execFile(program, [...rest, ...args], { env: { PATH, HOME, ...env } }, (error, stdout, stderr) =>
        resolve({ code: error?.code ?? 0, stdout, stderr }),
      )
    })
  expect(await run('list')).toEqual({ code: 0, stdout: expect.stringMatching(/^task {9}integration/), stderr: '' })
  expect(await run('restart')).toEqual({ code: 2, stdout: '', stderr: expect.stringContaining('--help') })
  expect(await run('cancel', 'asked-about')).toMatchObject({ code: 2, stderr: expect.stringContaining('--yes') })
})
