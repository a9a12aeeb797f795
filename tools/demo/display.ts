import type { WriteStream } from 'node:tty'

/** What the display shows of a task that is under way. */
export interface Progress {
  name: string
  status: string
}

const SPINNER = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
const REDRAW_MS = 100
const STEPS = ['pending', 'queued', 'processing', 'completed']

/**
 * Lines that stay, and below them, on a terminal, one that moves: every task and how far it is. Anywhere else
 * only the lines that stay.
 */
export class Display {
  readonly #started = Date.now()
  #progress: Progress[] = []
  #frame = 0
  #timer: NodeJS.Timeout | undefined
  #drawn = false

  constructor(private readonly out: WriteStream) {}

  /** Shows these tasks from now on; their objects are read at each redraw. */
  follow(progress: Progress[]): void {
    this.#progress = progress
    if (this.out.isTTY) this.#timer = setInterval(() => this.#draw(), REDRAW_MS)
  }

  line(text = ''): void {
    this.#clear()
    this.out.write(`${text}\n`)
    if (this.#timer) this.#draw()
  }

  /** A line with the time since the start in front. */
  timed(text: string): void {
    this.line(`${this.#elapsed()}  ${text}`)
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#clear()
  }

  #elapsed(): string {
    return `${((Date.now() - this.#started) / 1000).toFixed(1).padStart(6)} s`
  }

  #draw(): void {
    const spinner = SPINNER[this.#frame++ % SPINNER.length]
    const tasks = this.#progress.map(({ name, status }) => `${name} ${bar(status)} ${status}`)
    const text = `${this.#elapsed()}  ${spinner} ${tasks.join('   ')}`
    this.#clear()
    this.out.write(text.slice(0, (this.out.columns || 80) - 1))
    this.#drawn = true
  }

  #clear(): void {
    if (this.#drawn) this.out.write('\r\u001b[K')
    this.#drawn = false
  }
}

/** How far a task is on its way from pending to completed. */
function bar(status: string): string {
  const step = STEPS.indexOf(status)
  if (step < 0) return '!!!!'
  return '#'.repeat(step + 1) + '.'.repeat(STEPS.length - step - 1)
}
