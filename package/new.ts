/** `async-task new`: the files of an integration, in an application's own folder. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const TEMPLATES = fileURLToPath(new URL('../tools/new-integration/templates/', import.meta.url))

/** Where an application finds what the templates import from this repository. */
const EXPORTS: ReadonlyArray<[RegExp, string]> = [
  [/'[./]+\/provider-kit\/definition\/[\w-]+\.js'/g, "'interaqt-async-task'"],
  [/'[./]+\/(provider-kit\/workflow|protocol)\/[\w-]+\.js'/g, "'interaqt-async-task/workflow'"],
  [/'[./]+\/simulator\/[\w-]+\.js'/g, "'interaqt-async-task/simulator'"],
  [/'[./]+\/testing\/[\w-]+\.js'/g, "'interaqt-async-task/testing'"],
]

/** What is wrong with a name, if something is. */
export function badName(name: string): string | undefined {
  return /^[a-z][A-Za-z0-9]*$/.test(name) ? undefined : `"${name}" is no name: letters and digits, as acmeSpeech`
}

/** The files of a shape's template, by their paths in it, as files of an integration of this name. */
export function templateOf(shape: string, name: string): Array<[file: string, text: string]> {
  const files = readdirSync(join(TEMPLATES, shape), { recursive: true, encoding: 'utf8' })
  return files
    .filter((file) => /\.(ts|md)$/.test(file))
    .map((file) => [file, readFileSync(join(TEMPLATES, shape, file), 'utf8').replaceAll('newIntegration', name)])
}

/** @throws Error with a `code` where that cannot be; then nothing was written */
export function newIntegration(args: string[]): void {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { shape: { type: 'string' }, folder: { type: 'string', default: existsSync('src') ? 'src' : '.' } },
  })
  const [name = ''] = positionals
  const { shape = '' } = values
  const shapes = readdirSync(TEMPLATES)
  const target = join(values.folder, 'integrations', name)
  const problem = badName(name)
  if (problem) throw refusal(problem)
  if (!shapes.includes(shape)) throw refusal(`--shape has to be one of ${shapes.join(', ')}`)
  if (existsSync(target)) throw refusal(`${target} is there already`)

  for (const [file, text] of templateOf(shape, name)) {
    if (!file.endsWith('.ts')) continue
    let code = text
    for (const [from, to] of EXPORTS) code = code.replace(from, to)
    if (file === 'tests.ts') code = code.replaceAll("'./", `'../${target.replaceAll(sep, '/')}/`)
    const path = file === 'tests.ts' ? join('tests', `${name}.test.ts`) : join(target, file)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, code)
    console.log(`added ${path}`)
  }
  console.log(`Now name it in your application:
  import { ${name} } from './integrations/${name}/index.js'
  defineApplication({ integrations: { …, ${name} }, … })`)
}

function refusal(message: string): Error {
  const usage = 'async-task new <name> --shape <polled | single | local | custom> [--folder <folder of integrations/>]'
  return Object.assign(new Error(`${message}. Nothing was added.\n${usage}`), { code: 'USAGE' })
}
