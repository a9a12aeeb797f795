/** `npm run simulator`, as a process. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, assert, beforeAll, describe, expect, it } from 'vitest'
import { FAULT_KINDS } from '@/simulator/faults.js'
import { simulatorFor, UsageError } from '@/tools/simulators/command-line.js'
import { ask } from './support.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'simulator-'))
})
afterAll(() => rm(folder, { recursive: true }))

const started: ChildProcess[] = []
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL')
})

function run(...args: string[]) {
  const child = spawn(process.execPath, ['--import', 'tsx', 'tools/simulators/main.ts', ...args], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  started.push(child)
  let errors = ''
  child.stderr?.on('data', (data) => {
    errors += data
  })
  return { child, errors: () => errors }
}

describe('a simulator of its own', () => {
  it('listens, has the faults it is told to have, and stops when asked', async () => {
    const { child } = run('gemini', '--port', '0', '--latency-ms', '0', '--faults', 'overloaded=1, rateLimited=100%')
    const [{ url }] = (await once(child, 'message')) as [{ url: string }]
    const statuses: number[] = []
    for (let request = 0; request < 3; request++) {
      statuses.push((await ask('POST', `${url}/models/m:generateContent`, {})).status)
    }
    expect(statuses).toEqual([429, 429, 429])
    expect((await ask('GET', `${new URL(url).origin}/__simulator/faults`)).body).toEqual({
      faults: { overloaded: 1, rateLimited: '100%' },
    })
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([0, null])
  })

  it('says what is wrong with its options, and ends with 2', async () => {
    const { child, errors } = run('ark', '--port', 'any')
    expect(await once(child, 'close')).toEqual([2, null])
    expect(errors()).toContain('--port must be a whole number, not any')
    expect(errors()).toContain('Usage: npm run simulator -- ark|image-gateway|gemini')
  })

  it('explains itself, and every fault', async () => {
    const { child } = run('--help')
    let said = ''
    child.stdout?.on('data', (data) => {
      said += data
    })
    expect(await once(child, 'close')).toEqual([0, null])
    expect(FAULT_KINDS.filter((kind) => !said.includes(`  ${kind} `))).toEqual([])
  })

  it('says so where its port is taken, and ends with 1', async () => {
    const { child } = run('ark', '--port', '0')
    const [{ url }] = (await once(child, 'message')) as [{ url: string }]
    const { port } = new URL(url)
    const second = run('ark', '--port', port)
    expect(await once(second.child, 'close')).toEqual([1, null])
    expect(second.errors()).toContain(`Port ${port} is taken: give another by --port`)
  })
})

describe('the options', () => {
  const refused: Array<[string[], RegExp]> = [
    [[], /^Name one simulator: ark, image-gateway, gemini$/],
    [['arc'], /^Name one simulator/],
    [['ark', 'gemini'], /^Name one simulator/],
    [['constructor'], /^Name one simulator/],
    [['ark', '--prot', '1'], /--prot/],
    [['ark', '--port'], /--port/],
    [['ark', '--port', '-1'], /--port/],
    [['ark', '--latency-ms', '1.5'], /^--latency-ms must be a whole number, not 1.5$/],
    [['ark', '--latency-scale', 'fast'], /^--latency-scale must be a number such as 0.1, not fast$/],
    [['ark', '--latency-ms', '1', '--latency-scale', '1'], /exclude each other: give one of them$/],
    [['ark', '--seed', 'x'], /^--seed must be a whole number, not x$/],
    [['ark', '--faults', 'sleepy=1'], /^--faults: there is no fault sleepy; there are rateLimited, /],
    [['ark', '--faults', 'rateLimited'], /^--faults: rateLimited: must be a count such as 3/],
    [['ark', '--faults', 'rateLimited=200%'], /^--faults: rateLimited: must be/],
    [['gemini', '--faults', 'vanish=1'], /^--faults: this simulator does not have vanish; it has /],
    [['ark', '--faults', '@none.json'], /^--faults: none.json cannot be read as JSON: /],
    [['ark', '--answer-shape', 'image'], /^--answer-shape is for image-gateway, not for ark$/],
    [['image-gateway', '--answer-shape', 'round'], /^--answer-shape must be one of images, .*, not round$/],
  ]
  it.each(refused)('%j are refused', (args, message) => {
    expect(() => simulatorFor(args)).toThrow(UsageError)
    expect(() => simulatorFor(args)).toThrow(message)
  })

  it('take faults from a list, and from a file', async () => {
    const plan = { rateLimited: 3, acceptThenReset: '2.5%' }
    const file = join(folder, 'faults.json')
    await writeFile(file, JSON.stringify(plan))
    const planOf = (faults: string) => simulatorFor(['ark', '--faults', faults])?.simulator.faults.plan
    expect(planOf('rateLimited=3,acceptThenReset=2.5%')).toEqual(plan)
    expect(planOf(`@${file}`)).toEqual(plan)
  })

  it('reach the simulator', async () => {
    const asked = simulatorFor(['image-gateway', '--port', '0', '--latency-ms', '0', '--answer-shape', 'image'])
    const simulator = asked?.simulator ?? assert.fail('no simulator')
    const { url } = await simulator.start()
    const { body } = await ask('POST', `${url}/chat/completions`, {
      model: 'm',
      modalities: ['image'],
      messages: [{ role: 'user', content: 'A snail' }],
    })
    expect(body.choices[0].message.image.url).toMatch(/^data:/)
    await simulator.stop()
  })
})
