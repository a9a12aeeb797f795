/** Prometheus' own checker: `promtool` of the PATH, else of Debian's package, which is unpacked and not installed. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const execute = promisify(execFile)
const CACHE = fileURLToPath(new URL('../../.cache/prometheus', import.meta.url))

/** @throws with what promtool printed, if it finds anything wrong */
export async function promtool(...args: string[]): Promise<void> {
  const program = await findPromtool()
  await execute(program, args).catch((error: Error & { stdout?: string }) => {
    throw new Error(`promtool ${args.join(' ')}\n${error.stdout}\n${error.message}`, { cause: error })
  })
}

async function findPromtool(): Promise<string> {
  try {
    await execute('promtool', ['--version'])
    return 'promtool'
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  const unpacked = join(CACHE, 'usr/bin/promtool')
  if (!existsSync(unpacked)) await unpack()
  return unpacked
}

/** Into a folder of its own first, so that test files that do this at once cannot meet. */
async function unpack(): Promise<void> {
  await mkdir(join(CACHE, '..'), { recursive: true })
  const cwd = await mkdtemp(`${CACHE}.`)
  try {
    const download = () => execute('apt-get', ['download', 'prometheus'], { cwd })
    // Without lists of packages, as in a new container, it knows none.
    await download().catch(() => execute('apt-get', ['update']).then(download))
    const [file = ''] = await readdir(cwd)
    await execute('dpkg', ['-x', file, 'unpacked'], { cwd })
    await rename(join(cwd, 'unpacked'), CACHE)
  } catch (error) {
    throw new Error('needs promtool on the PATH (it comes with Prometheus), or apt-get to get it', { cause: error })
  } finally {
    await rm(cwd, { recursive: true, force: true })
  }
}
