/** `npm run dev` as a person uses it: what it tells is true, and what the README says goes with it works. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, assert, beforeAll, expect, it } from 'vitest'
import { loadConfig } from '@/config/load.js'
import { createImageGatewaySimulator } from '@/tools/simulators/index.js'
import { TaskClient } from '@/tools/stack/task-client.js'
import { eventually } from '../support/eventually.js'
import { Terminal } from './terminal.js'

const STARTED = 'Ctrl-C stops everything'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dev-'))
})
afterAll(() => rm(folder, { recursive: true }))

function dev(env: NodeJS.ProcessEnv = {}): Terminal {
  return new Terminal(['npm', 'run', 'dev', '--', folder], env)
}

function mainUrl({ output }: Terminal): string {
  return output.match(/^main +(http\S+)/m)?.[1] ?? assert.fail(`no main in ${output}`)
}

it('ends in order at one Ctrl-C each time, and goes on with what was under way at the next start', async () => {
  const gateway = createImageGatewaySimulator({ latencyMs: 2000 })
  const { url } = await gateway.start()
  const provider = { IMAGE_API_KEY: 'key-of-the-gateway', IMAGE_BASE_URL: url, IMAGE_MODEL: 'a-model' }
  let id: string | undefined
  for (let round = 1; round <= 3; round++) {
    const terminal = dev(provider)
    await terminal.until(STARTED)
    const client = new TaskClient(mainUrl(terminal))
    if (id !== undefined) {
      const { status, timeline } = await client.untilEnded('image', id)
      expect({ status, requests: gateway.requests.length }).toEqual({ status: 'completed', requests: round - 1 })
      expect(timeline.every(({ attempt }) => attempt === 1)).toBe(true)
    }
    id = await client.create('image', { prompt: `Lighthouse ${round}` })
    await eventually(() => expect(gateway.requests).toHaveLength(round))
    terminal.pressCtrlC()
    expect(await terminal.exit).toBe(0)
  }
  await gateway.stop()
})

it("tells the line by which the README's commands for operators work", async () => {
  const terminal = dev({ ARK_MAX_TASKS_IN_FLIGHT: '1' })
  await terminal.until(STARTED)
  const line = terminal.output.match(/^ +(export MAIN=.*?)\r?$/m)?.[1] ?? assert.fail(terminal.output)
  const page = terminal.output.match(/^Console +(\S+)/m)?.[1] ?? assert.fail(terminal.output)
  const token = await readFile(join(folder, 'internal-token'), 'utf8')
  const signIn = { method: 'POST', body: JSON.stringify({ token, name: 'ada' }) }
  expect([(await fetch(page)).status, (await fetch(`${page}/session`, signIn)).status]).toEqual([200, 200])

  const readme = await readFile('README.md', 'utf8')
  const curls = [...readme.matchAll(/^curl -s \$MAIN\/.*\/(cancelTask|retryTask) (?:.*\\\n)*.*/gm)]
  expect(curls.map(([, name]) => name)).toEqual(['cancelTask', 'retryTask'])

  const taskId = await new TaskClient(mainUrl(terminal)).create('video', { prompt: 'A paper boat' })
  const answers: unknown[] = []
  for (const [command] of curls) {
    const { stdout } = await promisify(execFile)('bash', ['-c', `${line}\n${command.replace('<taskId>', taskId)}`])
    answers.push(JSON.parse(stdout))
  }
  // A cancelled task is not for trying again: the second one is answered, and refused.
  expect(answers).toEqual([
    expect.objectContaining({ success: true, status: 'cancelled' }),
    expect.objectContaining({ success: false, status: 'cancelled' }),
  ])

  const second = dev()
  expect(await second.exit).toBe(1)
  expect(second.output).toContain('temporal.db is in use by another Temporal server: stop that one first')
  terminal.pressCtrlC()
  expect(await terminal.exit).toBe(0)
})

it('says what does not run instead of where it would be', async () => {
  const { url } = loadConfig().components.main
  const terminal = dev({ DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' })
  await terminal.until(STARTED)
  expect(terminal.output).toContain('main      DOES NOT RUN')
  expect(terminal.output).not.toContain(`${url} (API document`)
  expect(terminal.output).not.toContain('export MAIN')
  terminal.pressCtrlC()
  expect(await terminal.exit).toBe(0)
})
