import { existsSync, type FSWatcher, watch } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

const FOLDERS = ['async-task-component', 'backend', 'config', 'integrations', 'main-component', 'simulators']
const FILES = ['app.config.json', 'config.ts', 'startAsyncTask.ts', 'startMain.ts']
/** An editor or a checkout changes several files in one go. */
const SETTLE_MS = 300

/**
 * Calls `onChange` after sources changed, never twice at once: changes meanwhile make it run again.
 *
 * @returns stops watching, and resolves when an `onChange` under way is done
 */
export function watchSources(onChange: (file: string) => Promise<void>): () => Promise<void> {
  let changed: string | undefined
  let running: Promise<void> | undefined
  let stopped = false

  async function runWhileChanged(): Promise<void> {
    while (changed !== undefined && !stopped) {
      await delay(SETTLE_MS)
      const file = changed
      changed = undefined
      await onChange(file)
    }
    running = undefined
  }

  function note(file: string): void {
    changed = file
    running ??= runWhileChanged()
  }

  const watchers: FSWatcher[] = []
  for (const folder of FOLDERS.filter((name) => existsSync(name))) {
    watchers.push(watch(folder, { recursive: true }, (_event, name) => note(`${folder}/${name}`)))
  }
  for (const file of FILES) watchers.push(watch(file, () => note(file)))
  return async () => {
    stopped = true
    for (const watcher of watchers) watcher.close()
    await running
  }
}
