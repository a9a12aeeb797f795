import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'

let child: ChildProcess
afterEach(() => child.kill('SIGKILL'))

/** A process whose stop takes so long, and that is busy at first, once it is ready. */
async function start({
  stopMs,
  busyMs = 0,
}: {
  stopMs: number
  busyMs?: number
}): Promise<{ closed: Promise<unknown> }> {
  const file = fileURLToPath(new URL('../lib/fixtures/stopping.ts', import.meta.url))
  child = fork(file, [String(stopMs), String(busyMs)], { execArgv: ['--import', 'tsx'], silent: true })
  let output = ''
  child.stdout?.on('data', (data) => {
    output += data
  })
  const closed = once(child, 'close').then(([code]) => ({ code, output }))
  await once(child, 'message')
  return { closed }
}

async function firstSignal(signal: NodeJS.Signals): Promise<void> {
  child.kill(signal)
  await once(child, 'message')
}

test('a repeat within half a second is no second signal', async () => {
  const { closed } = await start({ stopMs: 300 })
  await firstSignal('SIGINT')
  child.kill('SIGINT')
  child.kill('SIGTERM')
  expect(await closed).toEqual({ code: 0, output: 'stopping on SIGINT\n' })
})

test('it is none either where it is seen later, as the process was busy', async () => {
  const { closed } = await start({ stopMs: 300, busyMs: 800 })
  await firstSignal('SIGTERM')
  child.kill('SIGTERM')
  expect(await closed).toEqual({ code: 0, output: 'stopping on SIGTERM\n' })
})

test('a second signal does not wait', async () => {
  const { closed } = await start({ stopMs: 60_000 })
  await firstSignal('SIGINT')
  await delay(600)
  child.kill('SIGINT')
  expect(await closed).toEqual({ code: 1, output: 'stopping on SIGINT\nforced\n' })
})
