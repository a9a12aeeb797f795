/** Both programs where their log lines cannot be written: they serve, and end as they are told. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, inject, it, vi } from 'vitest'
import { logDestination } from '@/lib/log-destination.js'
import { eventually } from '../support/eventually.js'
import { TEST_TOKEN } from '../support/main.js'
import { smallDisk } from '../support/small-disk.js'

/** A program that hangs hangs for ever. */
const START_LIMIT_MS = 60_000
const ANSWER_LIMIT_MS = 15_000
const STOP_LIMIT_MS = 30_000

let child: ChildProcess
afterEach(() => {
  child?.kill('SIGKILL')
})

describe.each([
  ['startMain.ts', 'main'],
  ['startAsyncTask.ts', 'async-task'],
])('%s', (program, component) => {
  it.each([
    ['on a full disk', 'ENOSPC', openFullDevice],
    ['with nobody to read it', 'EPIPE', () => 'pipe' as const],
  ])('serves and stops with its log %s', async (_where, code, openStdout) => {
    const stdout = openStdout()
    child = start(program, stdout)
    let stderr = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    child.stdout?.destroy()
    const ended = once(child, 'exit').then(([code]) => [{ type: 'ended', code }])
    const [first] = await Promise.race([once(child, 'message'), ended, sleep(START_LIMIT_MS, [{ type: 'hangs' }])])
    expect(first, stderr).toMatchObject({ type: 'ready' })
    if (typeof first.url === 'string') {
      const health = fetch(`${first.url}/health`).then(({ status }) => status)
      expect(await Promise.race([health, sleep(ANSWER_LIMIT_MS, 'no answer')])).toBe(200)
    }
    await eventually(() => expect(stderr).toContain(`${component}: the log cannot be written: ${code}`))

    child.kill('SIGTERM')
    expect(await Promise.race([once(child, 'exit'), sleep(STOP_LIMIT_MS, 'hangs')])).toEqual([0, null])
    expect(stderr.match(/cannot be written/g)).toHaveLength(1)
    if (typeof stdout === 'number') closeSync(stdout)
  })
})

it('lines are written again once there is room, and the missing ones are counted', async () => {
  const disk = await smallDisk(1)
  const said = vi.spyOn(process.stderr, 'fd', 'get')
  const stderr = openSync(join('/dev/shm', `stderr-${process.pid}`), 'w+')
  said.mockReturnValue(stderr as 2)
  const file = openSync(join(disk.path, 'log'), 'w')
  try {
    const complaints = () => readFileSync(`/dev/shm/stderr-${process.pid}`, 'utf8').split('\n').slice(0, -1)
    await writeFile(join(disk.path, 'filler'), Buffer.alloc(2 ** 20)).catch(() => {})
    const log = logDestination('main', file)
    log.write('lost 1\n')
    await eventually(() => expect(complaints()).toEqual([expect.stringContaining('ENOSPC')]))
    log.write('lost 2\n')
    log.flushSync()
    await rm(join(disk.path, 'filler'))
    log.write('kept\n')
    await eventually(() =>
      expect(complaints()[1]).toBe('main: the log can be written again; 2 lines of it are missing'),
    )
    expect(readFileSync(join(disk.path, 'log'), 'utf8')).toBe('kept\n')
  } finally {
    said.mockRestore()
    closeSync(file)
    closeSync(stderr)
    await rm(`/dev/shm/stderr-${process.pid}`)
    await disk.remove()
  }
})

function openFullDevice(): number {
  return openSync('/dev/full', 'w')
}

function start(program: string, stdout: number | 'pipe'): ChildProcess {
  return spawn(process.execPath, ['--import', 'tsx', program], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      LOG_LEVEL: 'debug',
      INTERNAL_API_TOKEN: TEST_TOKEN,
      MAIN_LISTEN_PORT: '0',
      MAIN_DATA_DIR: 'memory://',
      MAIN_URL: 'http://127.0.0.1:1',
      TEMPORAL_ADDRESS: inject('temporalAddress'),
    },
    stdio: ['ignore', stdout, 'pipe', 'ipc'],
  })
}
