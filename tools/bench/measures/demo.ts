/** `npm run demo`, from its start to the first task. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Figures, Measure } from '../measure.js'
import { whileRunning } from '../running.js'

const CREATED = /created as task/

export const demo: Measure = {
  title: '`npm run demo`',
  databases: ['pglite'],
  async run(): Promise<Figures> {
    const from = performance.now()
    const child = spawn('npm', ['run', '--silent', 'demo'], { stdio: ['ignore', 'pipe', 'inherit'] })
    const ended = once(child, 'exit')
    const stop = async () => {
      child.kill()
      await ended
    }
    return whileRunning(async () => {
      let toFirstTaskMs = Number.NaN
      for await (const line of createInterface({ input: child.stdout })) {
        if (Number.isNaN(toFirstTaskMs) && CREATED.test(line)) toFirstTaskMs = performance.now() - from
      }
      const [code] = await ended
      if (code !== 0) throw new Error(`The demo ended with ${code}`)
      return { toFirstTaskMs, toEndMs: performance.now() - from }
    }, stop)
  },
}
