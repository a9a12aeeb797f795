/** The level of a process's log, which SIGUSR2 changes while it runs. */
import type { Logger } from 'pino'

/** Each child has a level of its own: pino does not tell them of their parent's. */
let children: Array<WeakRef<Logger>> = []
let sweepAt = 1000

/** For pino's `onChild`. */
export function rememberChild(child: Logger): void {
  children.push(new WeakRef(child))
  if (children.length < sweepAt) return
  children = children.filter((each) => each.deref())
  sweepAt = Math.max(1000, 2 * children.length)
}

/** On SIGUSR2 the log's level becomes `debug`, and on the next one what it was. */
export function debugOnSignal(logger: Logger): void {
  const usual = logger.level
  process.on('SIGUSR2', () => {
    const level = logger.level === 'debug' ? usual : 'debug'
    for (const each of [logger, ...children.map((child) => child.deref())]) if (each) each.level = level
    logger.info({ level }, 'the log has another level')
  })
}
