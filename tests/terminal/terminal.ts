/** Programs as people start and stop them: in a terminal of their own, with keys. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { onTestFinished } from 'vitest'
import { eventually } from '../support/eventually.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const CTRL_C = '\x03'

/** Ends as the program does; 128 and the signal's number where a signal ended that, as in a shell. */
const IN_TERMINAL = `
import os, pty, sys
code = os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:]))
sys.exit(code if code >= 0 else 128 - code)`

export class Terminal {
  readonly exit: Promise<number>
  readonly #python: ChildProcess
  #output = ''

  /**
   * Runs the command with this environment and, of a shell's, no more than it needs; until the test is finished at the
   * latest.
   */
  constructor(command: string[], env: NodeJS.ProcessEnv) {
    this.#python = spawn('python3', ['-c', IN_TERMINAL, ...command], {
      cwd: root,
      env: { PATH: process.env.PATH, HOME: process.env.HOME, NO_UPDATE_NOTIFIER: '1', ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    this.#python.stdout?.on('data', (data) => {
      this.#output += data
    })
    this.exit = once(this.#python, 'close').then(([code]) => code as number)
    onTestFinished(() => this.close())
  }

  /** What the screen shows, and has shown, without colours. */
  get output(): string {
    return stripVTControlCharacters(this.#output)
  }

  /** Resolves once the screen shows that; rejects where the program ends without. */
  async until(text: string | RegExp): Promise<void> {
    await this.during(
      eventually(() => {
        if (!this.output.match(text)) throw new Error(`${text} is not shown`)
      }),
    )
  }

  /** Waits for what the program is to do; rejects, with what the screen shows, where it fails to, or ends before. */
  async during(work: Promise<unknown>): Promise<void> {
    const ended = this.exit.then((code) => {
      throw new Error(`the program ended with ${code}`)
    })
    try {
      await Promise.race([work, ended])
    } catch (cause) {
      throw new Error(`${(cause as Error).message}:\n${this.output}`, { cause })
    }
  }

  pressCtrlC(): void {
    this.type(CTRL_C)
  }

  type(keys: string): void {
    this.#python.stdin?.write(keys)
  }

  /** Closes the window, where it is still open. */
  async close(): Promise<void> {
    this.#python.kill('SIGKILL')
    await this.exit
  }
}
