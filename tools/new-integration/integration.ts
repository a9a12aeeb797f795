/** Writes the files of a new integration from templates that are code themselves, and takes them away again. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const SHAPES = ['polled', 'single', 'local', 'custom'] as const
export type Shape = (typeof SHAPES)[number]

export interface AddedIntegration {
  /** Below the repository's root. */
  files: string[]
  /** Where tasks are asked for, with this for example. */
  route: string
  example: object
}

const TEMPLATES = join(dirname(fileURLToPath(import.meta.url)), 'templates')
const DEFINITIONS = 'integrations/entries/definitions.ts'
/** What the templates' integration is called. */
const PLACEHOLDER = /newIntegration/g

/** What is wrong with a name, if something is. */
export function badName(name: string): string | undefined {
  if (!/^[a-z][A-Za-z0-9]*$/.test(name)) return `"${name}" is no name: letters and digits, as acmeSpeech`
  if (['entries', 'shared', 'docs', 'index'].includes(name)) return `"${name}" is taken by the repository itself`
  return undefined
}

/**
 * @param root the repository
 * @throws Error where the name cannot be had; then nothing was written
 */
export function addIntegration(root: string, name: string, shape: Shape): AddedIntegration {
  const problem =
    badName(name) ?? (existsSync(join(root, 'integrations', name)) ? `${name} is there already` : undefined)
  if (problem) throw new Error(`${problem}. Nothing was added.`)
  const template = join(TEMPLATES, shape)
  const files = readdirSync(template, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => {
      const code = readFileSync(join(template, file), 'utf8')
      const [target, moved] =
        file === 'tests.ts'
          ? [
              testOf(name),
              code.replaceAll("'../../../../tests/", "'../").replaceAll("'./", "'../../integrations/newIntegration/"),
            ]
          : // Templates lie two folders deeper than what is made of them.
            [`integrations/${name}/${file}`, code.replaceAll("'../../../../", "'../../")]
      write(join(root, target), moved.replace(PLACEHOLDER, name))
      return target
    })
  const definitions = join(root, DEFINITIONS)
  writeFileSync(definitions, `${readFileSync(definitions, 'utf8')}${lineOf(name)}`)
  // Where a line belongs hangs on the name.
  const biome = join(root, 'node_modules', '.bin', 'biome')
  execFileSync(biome, ['check', '--write', ...files, DEFINITIONS], { cwd: root, stdio: 'pipe' })
  return { files: [...files, `${DEFINITIONS}: one line`], route: `/api/${name}/create`, example: { text: 'hello' } }
}

/** @throws Error where there is no such integration */
export function removeIntegration(root: string, name: string): void {
  const definitions = join(root, DEFINITIONS)
  const text = readFileSync(definitions, 'utf8')
  const isThere = badName(name) === undefined && text.includes(lineOf(name))
  if (!isThere) throw new Error(`${DEFINITIONS} has no line ${lineOf(name).trim()}: nothing was removed`)
  writeFileSync(definitions, text.replace(lineOf(name), ''))
  rmSync(join(root, 'integrations', name), { recursive: true, force: true })
  rmSync(join(root, testOf(name)), { force: true })
}

function lineOf(name: string): string {
  return `export { ${name} } from '../${name}/index.js'\n`
}

function testOf(name: string): string {
  return `tests/integrations/${name}.test.ts`
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}
