import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, write } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { eventually } from '../support/eventually.js'

vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>()
  return { ...fs, write: vi.fn(fs.write) }
})

// Another file may have loaded it, with the real `write`.
vi.resetModules()
const { logDestination } = await import('@/lib/log-destination.js')

let folder: string
let fd: number
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'log-'))
  fd = openSync(join(folder, 'log'), 'w')
  vi.mocked(write).mockClear()
  vi.useFakeTimers({ toFake: ['setTimeout'] })
})
afterEach(() => {
  vi.useRealTimers()
  closeSync(fd)
  rmSync(folder, { recursive: true })
})

const written = () => readFileSync(join(folder, 'log'), 'utf8')

it('lines that come within ten milliseconds are written at once, in their order', async () => {
  const log = logDestination('main', fd)
  const lines = Array.from({ length: 100 }, (_, index) => `line ${index}\n`)
  for (const line of lines) {
    log.write(line)
    await Promise.resolve()
  }
  expect(written()).toBe('')
  vi.advanceTimersByTime(10)
  await eventually(() => expect(written()).toBe(lines.join('')))
  expect(write).toHaveBeenCalledTimes(1)
})

it('at the end of the process those are written that still wait, and none twice', async () => {
  const log = logDestination('main', fd)
  log.write('the last one\n')
  log.flushSync()
  expect(written()).toBe('the last one\n')
  await vi.advanceTimersByTimeAsync(10)
  log.write('after all\n')
  await eventually(async () => {
    await vi.advanceTimersByTimeAsync(10)
    expect(written()).toBe('the last one\nafter all\n')
  })
})
