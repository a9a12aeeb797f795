import { pino } from 'pino'
import { afterEach, expect, it } from 'vitest'
import { debugOnSignal, rememberChild } from '@/lib/log-level.js'

afterEach(() => process.removeAllListeners('SIGUSR2'))

it('SIGUSR2 makes a log tell more, also by loggers that were made before; another one ends that', () => {
  const lines: string[] = []
  const logger = pino({ onChild: rememberChild, base: null, timestamp: false }, { write: (line) => lines.push(line) })
  const early = logger.child({ loop: 'pull' }).child({ taskKey: 'k7Qx2' })
  debugOnSignal(logger)
  early.debug('before')
  process.emit('SIGUSR2')
  const late = logger.child({})
  for (const each of [logger, early, late]) each.debug('during')
  process.emit('SIGUSR2')
  for (const each of [logger, early, late]) each.debug('after')
  expect(lines.map((line) => JSON.parse(line).msg)).toEqual([
    'the log has another level',
    ...['during', 'during', 'during'],
    'the log has another level',
  ])
})
