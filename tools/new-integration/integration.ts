/** Writes the files of a new integration from templates that are code themselves, and takes them away again. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { badName as badNameAnywhere, templateOf } from '../../package/new.js'
import { upperSnakeCase } from '../../provider-kit/definition/section.js'

export const SHAPES = ['polled', 'single', 'local', 'custom'] as const
export type Shape = (typeof SHAPES)[number]

export interface AddedIntegration {
  /** Below the repository's root. */
  files: string[]
  /** Where tasks are asked for, with this for example. */
  route: string
  example: object
}

const DEFINITIONS = 'integrations/entries/definitions.ts'
/** What the variables of the templates' integration begin with. */
const VARIABLES = /NEW_INTEGRATION/g

/** What is wrong with a name, if something is. */
export function badName(name: string): string | undefined {
  if (['entries', 'shared', 'docs', 'index'].includes(name)) return `"${name}" is taken by the repository itself`
  return badNameAnywhere(name)
}

/**
 * @param root the repository
 * @throws Error where the name cannot be had; then nothing was written
 */
export function addIntegration(root: string, name: string, shape: Shape): AddedIntegration {
  const problem =
    badName(name) ?? (existsSync(join(root, 'integrations', name)) ? `${name} is there already` : undefined)
  if (problem) throw new Error(`${problem}. Nothing was added.`)
  const files = templateOf(shape, name).map(([file, text]) => {
    const [target, moved] = placed(file, text, name)
    mkdirSync(dirname(join(root, target)), { recursive: true })
    writeFileSync(join(root, target), moved.replace(VARIABLES, upperSnakeCase(name)))
    return target
  })
  const definitions = join(root, DEFINITIONS)
  writeFileSync(definitions, `${readFileSync(definitions, 'utf8')}${lineOf(name)}`)
  // Where a line belongs hangs on the name.
  const biome = join(root, 'node_modules', '.bin', 'biome')
  const code = files.filter((file) => file.endsWith('.ts'))
  execFileSync(biome, ['check', '--write', ...code, DEFINITIONS], { cwd: root, stdio: 'pipe' })
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
  for (const file of [testOf(name), docsOf(name)]) rmSync(join(root, file), { force: true })
}

/** Where a template's file goes, and what it says there. */
function placed(file: string, text: string, name: string): [target: string, text: string] {
  if (file === 'docs.md') return [docsOf(name), text]
  if (file === 'tests.ts') {
    const outwards = text.replaceAll("'../../../../", "'../../")
    return [testOf(name), outwards.replaceAll("'./", `'../../integrations/${name}/`)]
  }
  // Templates lie two folders deeper than what is made of them.
  return [`integrations/${name}/${file}`, text.replaceAll("'../../../../", "'../../")]
}

function lineOf(name: string): string {
  return `export { ${name} } from '../${name}/index.js'\n`
}

function testOf(name: string): string {
  return `tests/integrations/${name}.test.ts`
}

function docsOf(name: string): string {
  return `docs/integrations/${name}.md`
}
