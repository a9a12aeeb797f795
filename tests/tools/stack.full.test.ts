import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test, vi } from 'vitest'
import { type Child, ChildFailedError, startChild } from '@/tools/stack/child.js'

const folder = mkdtempSync(join(tmpdir(), 'stack-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function start(behaviour: string, onCrash: (error: ChildFailedError) => void, signal?: AbortSignal): Promise<Child> {
  return startChild({
    name: 'part',
    entry: 'tests/tools/fixtures/child.ts',
    args: [behaviour],
    env: process.env,
    logFile: join(folder, `${behaviour}.log`),
    signal: signal ?? new AbortController().signal,
    onCrash,
  })
}

test('a part that does not start is reported with the end of its log', async () => {
  const failure = await start('fails', () => {}).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(ChildFailedError)
  expect((failure as Error).message).toMatch(/^part ended while it started: exit code 3.*because of a reason/s)
})

test('a part that ends by itself is reported, once', async () => {
  const onCrash = vi.fn()
  const child = await start('crashes', onCrash)
  await expect.poll(() => onCrash.mock.calls.length).toBe(1)
  expect(onCrash.mock.calls[0]?.[0].message).toMatch(/^part ended by itself: exit code 4.*this is crashes/s)
  await child.stop()
  expect(onCrash).toHaveBeenCalledTimes(1)
})

test('a part that is stopped is gone when the stop resolves, and is no crash', async () => {
  const onCrash = vi.fn()
  const child = await start('stays', onCrash)
  await child.stop()
  expect(isAlive(child.ready.pid as number)).toBe(false)
  expect(onCrash).not.toHaveBeenCalled()
})

test('a part that is stopping is not told again', async () => {
  const child = await start('drains', () => {})
  await Promise.all([child.stop(), child.stop()])
  expect(readFileSync(join(folder, 'drains.log'), 'utf8')).toBe('this is drains\ntold to stop\nhas stopped\n')
})

test('a start that is given up leaves nothing behind', async () => {
  await expect(start('never', () => {}, AbortSignal.abort())).rejects.toThrow(/stopped while it started/)
})

test('a start that is given up ends in order: what is not ready may be at work already', async () => {
  const giveUp = new AbortController()
  const log = () => readFileSync(join(folder, 'starts.log'), 'utf8')
  const given = expect(start('starts', () => {}, giveUp.signal)).rejects.toThrow(/stopped while it started/)
  await expect.poll(log).toBe('this is starts\n')
  giveUp.abort()
  await given
  expect(log()).toBe('this is starts\ntold to stop\nhas stopped\n')
})

test('when the parent is killed its parts and its Temporal server end too', async () => {
  const parent = fork(fileURLToPath(new URL('./fixtures/parent.ts', import.meta.url)), {
    execArgv: ['--import', 'tsx'],
    silent: true,
  })
  const [{ pid, address }] = (await once(parent, 'message')) as [{ pid: number; address: string }]
  expect([isAlive(pid), await isServed(address)]).toEqual([true, true])

  parent.kill('SIGKILL')
  await expect.poll(async () => [isAlive(pid), await isServed(address)]).toEqual([false, false])
})

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

async function isServed(address: string): Promise<boolean> {
  const [host, port] = address.split(':')
  const socket = connect(Number(port), host)
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
