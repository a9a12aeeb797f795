/**
 * Stopping, as people and supervisors do it, through npm's scripts: a paid request that is under way comes to its
 * end, its result is kept, and what npm ends with says so.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { utimes } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { freePort } from '@/tools/temporal/free-port.js'
import { eventually } from '../support/eventually.js'
import { imageTask } from './image-task.js'
import { Terminal } from './terminal.js'

/** As many as two cores start in a time that people wait. With `dev:async-task` come twice as many processes. */
const AT_ONCE = 5
const DEV_AT_ONCE = 2
/** The daemon's last words, as they are on a terminal. */
const STOPPED = /: stopped\r?$/m
const IN_ORDER = { code: 0, saidStopped: true, isKept: true, requests: 1 }

/** Stops npm's script by one Ctrl-C, once it is at the image. */
async function stopByCtrlC(script: string, needs: () => Promise<NodeJS.ProcessEnv> = async () => ({})) {
  const task = await imageTask()
  const terminal = new Terminal(['npm', 'run', script], { ...task.env, ...(await needs()) })
  try {
    await terminal.during(task.requested())
    terminal.pressCtrlC()
    const code = await terminal.exit
    const saidStopped = STOPPED.test(terminal.output)
    return { code, saidStopped, isKept: await task.isKept(), requests: task.requests }
  } finally {
    await terminal.close()
    await task.close()
  }
}

async function stopTimes(times: number, atOnce: number, stop: () => Promise<unknown>): Promise<unknown[]> {
  const outcomes: unknown[] = []
  for (let left = times; left > 0; left -= atOnce) {
    outcomes.push(...(await Promise.all(Array.from({ length: Math.min(left, atOnce) }, stop))))
  }
  return outcomes
}

describe('npm run start:async-task', () => {
  it('ends in order at one Ctrl-C, 20 times of 20', async () => {
    const outcomes = await stopTimes(20, AT_ONCE, () => stopByCtrlC('start:async-task'))
    expect(outcomes).toEqual(outcomes.map(() => IN_ORDER))
  })

  it('ends in order where npm is sent SIGTERM', async () => {
    const task = await imageTask()
    const npm = spawn('npm', ['run', 'start:async-task'], {
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...task.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    npm.stdout.on('data', (data) => {
      output += data
    })
    await task.requested()
    npm.kill('SIGTERM')

    expect(await once(npm, 'exit')).toEqual([0, null])
    expect(output).toContain('"msg":"stopped"')
    expect(await task.isKept()).toBe(true)
    await task.close()
  })

  it('does not wait where Ctrl-C is pressed again half a second later', async () => {
    const task = await imageTask(60_000)
    const terminal = new Terminal(['npm', 'run', 'start:async-task'], task.env)
    await terminal.during(task.requested())
    terminal.pressCtrlC()
    await terminal.until('stopping')
    await delay(600)
    terminal.pressCtrlC()

    expect(await terminal.exit).toBe(1)
    expect(terminal.output).not.toMatch(STOPPED)
    await task.close()
  })
})

describe('npm run dev:async-task', () => {
  const ownPorts = async () => ({ ARK_SIMULATOR_URL: `http://127.0.0.1:${await freePort()}/api/v3` })

  it('ends in order at one Ctrl-C, 5 times of 5', async () => {
    const outcomes = await stopTimes(5, DEV_AT_ONCE, () => stopByCtrlC('dev:async-task', ownPorts))
    expect(outcomes).toEqual(outcomes.map(() => IN_ORDER))
  })

  it('lets what is under way end before it starts the daemon again for a source, and the simulators for theirs', async () => {
    const task = await imageTask()
    const terminal = new Terminal(['npm', 'run', 'dev:async-task'], { ...task.env, ...(await ownPorts()) })
    await terminal.until('Ctrl-C stops everything')
    await terminal.during(task.requested())
    await utimes('async-task-component/index.ts', new Date(), new Date())
    await terminal.until('Started again: async-task.')
    expect(await task.isKept()).toBe(true)
    await eventually(() => expect(terminal.output.match(/worker running/g)?.length).toBeGreaterThanOrEqual(3))

    await utimes('tools/simulators/index.ts', new Date(), new Date())
    await terminal.until('Started again: simulator-ark.')
    terminal.pressCtrlC()
    expect(await terminal.exit).toBe(0)
    expect(task.requests).toBe(1)
    await task.close()
  })
})
