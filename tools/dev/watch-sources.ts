import { basename, relative, sep } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { watch } from 'chokidar'
import type { Part } from '../stack/program.js'

const APPLICATION: Part[] = ['main', 'async-task']

/** The top-level folders and files from which programs are made. */
const SOURCES = new Map<string, Part[]>([
  ['app.config.json', APPLICATION],
  ['artifacts', APPLICATION],
  ['async-task-component', ['async-task']],
  ['backend', ['main']],
  ['config', APPLICATION],
  ['config.ts', APPLICATION],
  ['deploy.dev.json', APPLICATION],
  ['deploy.prod.json', APPLICATION],
  ['integrations', APPLICATION],
  ['lib', [...APPLICATION, 'simulators']],
  ['main-component', ['main']],
  ['protocol', APPLICATION],
  ['provider-kit', APPLICATION],
  ['simulator', ['simulators']],
  ['startAsyncTask.ts', ['async-task']],
  ['startMain.ts', ['main']],
  ['tasks', APPLICATION],
  ['tools/simulators', ['simulators']],
])

/** Drafts, backups and locks of editors have other names. */
const SOURCE_NAME = /^[\w-][\w.-]*\.(ts|mjs|json)$/
/** An editor or a checkout changes several files at once. */
const SETTLE_MS = 300

/**
 * Calls `onChange` after sources changed, with the parts made of them; never concurrently: changes meanwhile run it
 * again.
 *
 * @param root the folder of the repository
 * @returns once it watches; call the result to stop: it resolves when an `onChange` under way is done
 */
export async function watchSources(
  root: string,
  onChange: (parts: Set<Part>, file: string) => Promise<void>,
): Promise<() => Promise<void>> {
  const changed = new Set<string>()
  let running: Promise<void> | undefined
  let stopped = false

  async function runWhileChanged(): Promise<void> {
    while (changed.size > 0 && !stopped) {
      await delay(SETTLE_MS)
      const files = [...changed]
      changed.clear()
      if (!stopped) await onChange(new Set(files.flatMap(partsOf)), files.at(-1) as string)
    }
    running = undefined
  }

  const watcher = watch(root, {
    ignoreInitial: true,
    ignored: (path, stats) => {
      const file = relative(root, path)
      return file !== '' && (partsOf(file).length === 0 || (stats?.isFile() === true && !isSource(file)))
    },
  })
  watcher.on('all', (_event, path) => {
    const file = relative(root, path)
    if (!isSource(file)) return
    changed.add(file)
    running ??= runWhileChanged()
  })
  watcher.on('error', (error) => console.error('Changes of sources may be missed:', error))
  await new Promise<void>((resolve) => watcher.once('ready', resolve))
  return async () => {
    stopped = true
    await Promise.all([watcher.close(), running])
  }
}

function partsOf(file: string): Part[] {
  // Changes can be in a folder above a source.
  return [...SOURCES].flatMap(([source, parts]) => (isIn(source, file) || isIn(file, source) ? parts : []))
}

function isIn(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder + sep)
}

function isSource(file: string): boolean {
  return SOURCE_NAME.test(basename(file))
}
