/** Where the commands write, and whom they ask. */
import { once } from 'node:events'
import { createInterface } from 'node:readline/promises'
import { styleText } from 'node:util'

export interface Terminal {
  out(text: string): void
  err(text: string): void
  /** How far something is: on a terminal each replaces the one before. */
  progress(text: string): void
  /** Whether somebody is there to answer. */
  readonly isAttended: boolean
  /** Whether `out` is a screen. */
  readonly isScreen: boolean
  readonly hasColours: boolean
  /** Gives an empty answer if there is none. */
  ask(question: string, signal: AbortSignal): Promise<string>
}

const CLEAR_LINE = '\r\u001b[K'

export function processTerminal({ stdin, stdout, stderr }: NodeJS.Process): Terminal {
  // Who reads no further, as `head` does, has what was wanted.
  stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))
  let showsProgress = false
  const clearProgress = () => {
    if (showsProgress) stderr.write(CLEAR_LINE)
    showsProgress = false
  }
  const err = (text: string) => {
    clearProgress()
    stderr.write(`${text}\n`)
  }
  return {
    out(text) {
      clearProgress()
      stdout.write(`${text}\n`)
    },
    err,
    progress(text) {
      if (!stderr.isTTY) return err(text)
      showsProgress = true
      stderr.write(`${CLEAR_LINE}${text}`)
    },
    isAttended: stdin.isTTY === true && stderr.isTTY === true,
    isScreen: stdout.isTTY === true,
    hasColours: stdout.isTTY === true && stdout.hasColors(),
    async ask(question, signal) {
      // Not as a terminal of its own: Ctrl-C stays a signal.
      const lines = createInterface({ input: stdin, output: stderr, terminal: false })
      try {
        const closed = once(lines, 'close').then(() => '')
        return await Promise.race([lines.question(question, { signal }), closed])
      } finally {
        lines.close()
      }
    },
  }
}

type Style = Parameters<typeof styleText>[0]

export function styled({ hasColours }: Pick<Terminal, 'hasColours'>, style: Style | undefined, text: string): string {
  return hasColours && style !== undefined ? styleText(style, text, { validateStream: false }) : text
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what has to go.
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]+/g

/** What users and providers wrote, in one line: it must not move the cursor, nor the reading direction. */
export function printable(text: string): string {
  return text.replace(CONTROL, ' ')
}

/** JSON escapes some control characters by itself. */
export function json(value: unknown, indent?: number): string {
  const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  return JSON.stringify(value, null, indent).replace(/[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, escaped)
}
