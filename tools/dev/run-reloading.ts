import { stopOnSignals } from '../../lib/stop-on-signals.js'
import { type Child, startChild } from '../stack/child.js'
import type { Part, Program } from '../stack/program.js'
import { watchSources } from './watch-sources.js'

/**
 * Runs programs of the repository, restarts each when one of its sources changes, and resolves when the user has
 * stopped them: Ctrl-C shuts them down gracefully, a second one at once.
 *
 * @param programs in the order in which they are stopped
 * @param onStarted called once all are started or have failed; `ready` gives a program's message, if it runs
 */
export async function runReloading(
  programs: Program[],
  onStarted: (ready: (name: string) => Child['ready'] | undefined) => void,
): Promise<void> {
  const stop = new AbortController()
  const running = new Map<string, Child>()
  stopOnSignals(
    () => {
      console.log('\nStopping …')
      stop.abort()
    },
    () => {
      for (const child of running.values()) void child.kill()
    },
  )

  const start = async (program: Program): Promise<void> => {
    const fail = (error: unknown) => {
      running.delete(program.name)
      if (stop.signal.aborted) return
      const message = error instanceof Error ? error.message : String(error)
      console.error(`\n${message}\nIt is started again when you save a source file.\n`)
    }
    try {
      running.set(program.name, await startChild({ ...program, signal: stop.signal, onCrash: fail }))
    } catch (error) {
      fail(error)
    }
  }

  const started = Promise.all(programs.map(start))
  const restart = async (parts: Set<Part>, file: string): Promise<void> => {
    await started
    if (stop.signal.aborted) return
    const again = programs.filter(({ name, part }) => parts.has(part) || !running.has(name))
    console.log(`\n${file} changed: starting ${again.map(({ name }) => name).join(', ')} again …\n`)
    for (const { name } of again) await running.get(name)?.stop()
    if (stop.signal.aborted) return
    await Promise.all(again.map(start))
    const ready = again.map(({ name }) => name).filter((name) => running.has(name))
    if (ready.length > 0) console.log(`\nStarted again: ${ready.join(', ')}.\n`)
  }

  // Also notices changes while programs start, or right after they are reported to run.
  const stopWatching = await watchSources(process.cwd(), restart)
  await started
  if (!stop.signal.aborted) onStarted((name) => running.get(name)?.ready)
  if (!stop.signal.aborted) await new Promise((resolve) => stop.signal.addEventListener('abort', resolve))
  await stopWatching()
  for (const { name } of programs) await running.get(name)?.stop()
}
