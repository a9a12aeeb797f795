import { type Child, startChild } from '../stack/child.js'
import { watchSources } from './watch-sources.js'

/**
 * Runs one process of the application, starts it again when a source changes, and resolves when the user has
 * stopped it: Ctrl-C stops it in order, a second one at once.
 */
export async function runReloading(name: string, entry: string, env: NodeJS.ProcessEnv): Promise<void> {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => (stop.signal.aborted ? process.exit(1) : stop.abort()))
  }
  const report = (error: unknown) => {
    if (!stop.signal.aborted) console.error(`\n${error instanceof Error ? error.message : String(error)}\n`)
  }
  const start = async (): Promise<Child | undefined> => {
    try {
      return await startChild({ name, entry, env, signal: stop.signal, onCrash: report })
    } catch (error) {
      report(error)
      return undefined
    }
  }

  let child = await start()
  const stopWatching = watchSources(async (file) => {
    console.log(`\n${file} changed: starting ${name} again …\n`)
    await child?.stop()
    child = await start()
  })
  if (!stop.signal.aborted) await new Promise((resolve) => stop.signal.addEventListener('abort', resolve))
  await stopWatching()
  await child?.stop()
}
