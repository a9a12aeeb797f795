/** Waits of which one is a part of the other, wherever they are set. */
import { describe, expect, it } from 'vitest'
import { loadConfig } from '@/config/load.js'
import * as limits from '@/protocol/limits.js'

const { asyncTask, main } = loadConfig({ env: {} }).components
const { requestTimeoutMs, waitSeconds } = asyncTask.pullMode

it('limits leave something', () => {
  expect(Object.entries(limits).filter(([, limit]) => limit <= 0)).toEqual([])
})

describe('a wait ends before the one that it is a part of', () => {
  it.each([
    ['a parked fetch, and main’s time-out', limits.MAX_WAIT_SECONDS * 1000, limits.REQUEST_TIMEOUT_MS],
    ['a parked fetch by default, and the longest', waitSeconds, limits.MAX_WAIT_SECONDS + 1],
    [
      'main’s waits for a connection and through an outage, and the daemon’s patience',
      limits.CONNECTION_WAIT_MS + limits.OUTAGE_PATIENCE_MS,
      requestTimeoutMs,
    ],
    [
      'the same, and an activity’s patience',
      limits.CONNECTION_WAIT_MS + limits.OUTAGE_PATIENCE_MS,
      limits.ANSWER_TIMEOUT_MS,
    ],
    ['a request’s wait for its turn, and the daemon’s patience', main.load.maxWaitMs, requestTimeoutMs],
    ['the daemon’s patience, and main’s time-out', requestTimeoutMs, limits.REQUEST_TIMEOUT_MS],
    ['the wait for a row’s lock, and for the statement', limits.LOCK_WAIT_MS, limits.STATEMENT_TIMEOUT_MS],
    [
      'all waits for the database, and main’s time-out',
      limits.CONNECTION_WAIT_MS + limits.OUTAGE_PATIENCE_MS + limits.STATEMENT_TIMEOUT_MS,
      limits.REQUEST_TIMEOUT_MS,
    ],
    ['storing what is paid for, and its activity', limits.STORING_MS, limits.BEYOND_REQUEST_MS],
  ])('%s', (_what, part, whole) => {
    expect(part).toBeLessThan(whole)
  })
})
