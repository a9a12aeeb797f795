import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const execFileAsync = promisify(execFile)

/**
 * Runs a command to its end and returns what it printed.
 *
 * @throws Error with the command, why it failed, and the last line it printed
 */
export async function runCommand(command: string, args: string[], timeoutMs: number): Promise<string> {
  try {
    const { stdout } = await execFileAsync(command, args, {
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
      maxBuffer: 16 * 1024 * 1024,
    })
    return stdout
  } catch (cause) {
    const { stderr = '', code, killed } = cause as { stderr?: string; code?: unknown; killed?: boolean }
    const why = killed ? `took longer than ${timeoutMs / 1000} s` : `failed with ${String(code)}`
    const lastLine = stderr.trim().split('\n').at(-1) ?? ''
    throw new Error(`${command} ${args.slice(0, 4).join(' ')} ${why}${lastLine ? `: ${lastLine}` : ''}`, { cause })
  }
}
