/**
 * Where a component's log lines go: stdout. A full disk, or a closed reader, only loses lines. pino's own destination
 * would end the process, or write the same line for ever while the process ends.
 */
import { write, writeSync } from 'node:fs'
import type { DestinationStream } from 'pino'

/** Buffer for a slow reader. Beyond it lines are dropped. */
const MAX_WAITING_CHARACTERS = 1024 * 1024
const READER_BUSY_PAUSE_MS = 100
/** The lines of so long are written together: a write takes as much of a processor as some twenty lines. */
const GATHER_MS = 10

/**
 * Reports the first failed write on stderr, and the number of dropped lines as soon as writing works again.
 *
 * @param component the name in these reports
 */
export function logDestination(
  component: string,
  fd: number = process.stdout.fd,
): DestinationStream & { flushSync(): void } {
  let waiting = ''
  /** Also while lines are gathered. */
  let isWriting = false
  let dropped = 0

  function writeSoon(): void {
    if (isWriting || waiting === '') return
    isWriting = true
    setTimeout(writeWaiting, GATHER_MS)
  }

  function writeWaiting(): void {
    const lines = waiting
    waiting = ''
    writeAll(Buffer.from(lines), (error) => {
      isWriting = false
      settle(error, lines)
      writeSoon()
    })
  }

  function writeAll(bytes: Buffer, done: (error: Error | null) => void): void {
    write(fd, bytes, (error, written) => {
      if (error?.code === 'EAGAIN') setTimeout(writeAll, READER_BUSY_PAUSE_MS, bytes, done)
      else if (error === null && written < bytes.length) writeAll(bytes.subarray(written), done)
      else done(error)
    })
  }

  function settle(error: Error | null, lines: string): void {
    if (error !== null) {
      if (dropped === 0) complain(`${component}: the log cannot be written: ${error.message}`)
      dropped += lines.split('\n').length - 1
    } else if (dropped > 0) {
      complain(`${component}: the log can be written again; ${dropped} lines of it are missing`)
      dropped = 0
    }
  }

  const destination = {
    write(line: string): void {
      if (waiting.length < MAX_WAITING_CHARACTERS) waiting += line
      else settle(new Error('its reader is too slow'), line)
      writeSoon()
    },
    flushSync(): void {
      const lines = waiting
      waiting = ''
      try {
        if (lines !== '') writeSync(fd, lines)
      } catch (error) {
        settle(error as Error, lines)
      }
    },
  }
  process.on('exit', destination.flushSync)
  return destination
}

function complain(sentence: string): void {
  try {
    writeSync(process.stderr.fd, `${sentence}\n`)
  } catch {
    // stderr is often on the same disk; there is nowhere else to report to.
  }
}
