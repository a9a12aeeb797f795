/** A supervised process of the application: restarted whenever it exits. */
import { spawn } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { type Child, ChildFailedError, type ChildOptions, startChild } from '../../stack/child.js'

const RESTART_PAUSE_MS = 1_000

export class SupervisedProcess {
  /** How often it exited without having been killed: what its supervisor sees. */
  exits = 0
  readonly #stopping = new AbortController()
  #child: Child | null = null
  /** The start under way, if there is one. */
  #starting: Promise<void> | null = null

  constructor(private readonly options: Omit<ChildOptions, 'signal' | 'onCrash'>) {}

  get name(): string {
    return this.options.name
  }

  /** Of the process that runs now, if one does. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** Resolves once it is ready, after as many tries as necessary. */
  start(): Promise<void> {
    this.#starting ??= this.#startUntilReady().finally(() => {
      this.#starting = null
    })
    return this.#starting
  }

  /** kill -9, and a new process after the outage. Resolves once that is ready. Does nothing during a start. */
  async kill(outageMs: number): Promise<boolean> {
    const child = this.#child
    if (!child) return false
    this.#child = null
    await child.kill()
    await delay(outageMs)
    await this.start()
    return true
  }

  /** SIGSTOP, and SIGCONT after the pause, even if the harness has exited by then. Does nothing during a start. */
  async pause(pauseMs: number): Promise<boolean> {
    const child = this.#child
    if (!child) return false
    const script = 'kill -STOP "$1" && sleep "$2"; kill -CONT "$1"'
    const args = ['-c', script, 'pause', String(child.pid), String(pauseMs / 1000)]
    const pausing = spawn('/bin/sh', args, { stdio: 'ignore', detached: true })
    await new Promise<void>((resolve, reject) => pausing.once('exit', () => resolve()).once('error', reject))
    return true
  }

  /** SIGTERM, and no new process. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#starting
    await this.#child?.stop()
    this.#child = null
  }

  async #startUntilReady(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      try {
        const child = await startChild({ ...this.options, signal, onCrash: (error) => this.#ended(error) })
        this.#child = child
        return
      } catch (error) {
        if (!(error instanceof ChildFailedError)) throw error
        if (signal.aborted) return
        this.exits += 1
        await delay(RESTART_PAUSE_MS)
      }
    }
  }

  #ended(_error: ChildFailedError): void {
    this.#child = null
    this.exits += 1
    if (!this.#stopping.signal.aborted) void delay(RESTART_PAUSE_MS).then(() => this.start())
  }
}
