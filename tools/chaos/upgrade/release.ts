/** An earlier release that can be run: its sources from this repository's history, with its own dependencies. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { resolve } from 'node:path'

/** A commit's checkout; makes it if it is missing, which takes a minute or two. */
export function checkoutOf(commit: string, say: (line: string) => void): string {
  const full = git('rev-parse', '--verify', `${commit}^{commit}`).toString().trim()
  const folder = resolve('.data', 'releases', full)
  if (existsSync(folder)) return folder
  say(`making a checkout of ${commit} in ${folder}, and its npm ci`)
  const unfinished = `${folder}.unfinished`
  rmSync(unfinished, { recursive: true, force: true })
  mkdirSync(unfinished, { recursive: true })
  execFileSync('tar', ['-x', '-C', unfinished], { input: git('archive', full) })
  execFileSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: unfinished, stdio: ['ignore', 'ignore', 'inherit'] })
  renameSync(unfinished, folder)
  return folder
}

function git(...args: string[]): Buffer {
  try {
    return execFileSync('git', args, { maxBuffer: 1_000_000_000, stdio: ['ignore', 'pipe', 'pipe'] })
  } catch (cause) {
    throw new Error(`git ${args.join(' ')} failed: a clone with its whole history is needed`, { cause })
  }
}
