/** What `npm run check` looks at, all at once: formatting and lint, types, which way imports run, what nothing uses. */
import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const sources = readdirSync(root, { withFileTypes: true })
  .filter(({ name }) => !/^\.|^(node_modules|dist|vendor|deploy|docs)$/.test(name))
  .filter((entry) => entry.isDirectory() || entry.name.endsWith('.ts'))
  .map(({ name }) => name)

/** What is slow first. */
const CHECKS: Array<[command: string, args: string[]]> = [
  ['tsc', ['--noEmit']],
  ['knip', []],
  ['depcruise', sources],
  ['biome', ['check', '.']],
]

const env = { ...process.env, PATH: [join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter) }

function run([command, args]: (typeof CHECKS)[number]): Promise<void> {
  return new Promise((resolve) => {
    execFile(command, args, { cwd: root, env, maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      const text = error ? [stdout, stderr, error.code === 'ENOENT' && error.message].filter(Boolean).join('') : ''
      process.stdout.write(`${error ? 'FAILED' : 'passed'}  ${command}\n${text}`)
      if (error) process.exitCode = 1
      resolve()
    })
  })
}

await Promise.all(CHECKS.map(run))
