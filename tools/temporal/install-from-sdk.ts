import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Binary } from './binaries.js'
import { runCommand } from './run-command.js'

const DOWNLOAD_TIMEOUT_MS = 120_000

/**
 * Lets the SDK download the program. In a process of its own: the SDK's download cannot be cancelled, and a
 * network that swallows packets must not hold up the caller for longer than the bound.
 *
 * @returns the program's path, inside `workFolder`
 */
export async function installFromSdk(binary: Binary, workFolder: string): Promise<string> {
  const script = fileURLToPath(new URL('./sdk-download.ts', import.meta.url))
  await runCommand(process.execPath, ['--import', 'tsx', script, binary.sdkServer, workFolder], DOWNLOAD_TIMEOUT_MS)
  const [file] = await readdir(workFolder)
  if (file === undefined) throw new Error(`the SDK's download left no ${binary.name}`)
  return join(workFolder, file)
}
