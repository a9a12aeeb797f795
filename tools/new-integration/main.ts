/**
 * Adds an integration, ready to run: `npm run new:integration -- acmeSpeech --shape polled`. What is missing is asked
 * for, where a person is there. `--remove` takes back what was added.
 */
import { parseArgs } from 'node:util'
import { isCancel, select, text } from '@clack/prompts'
import { addIntegration, badName, removeIntegration, SHAPES, type Shape } from './integration.js'

const WORDS: Record<Shape, string> = {
  polled: 'a provider that takes tasks, and is asked how far they are',
  single: 'a provider that answers one long request',
  local: 'work without a provider',
  custom: 'a workflow of its own',
}

const USAGE = `Usage: npm run new:integration -- <name> --shape <${SHAPES.join(' | ')}> [--remove]
  <name>    as acmeSpeech: of its folder under integrations/, of its API and of its section of the configuration
${SHAPES.map((shape) => `  ${shape.padEnd(9)} ${WORDS[shape]}`).join('\n')}
  --remove  takes the integration away again`

try {
  await run()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
  process.exitCode = 1
}

async function run(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { shape: { type: 'string' }, remove: { type: 'boolean' }, help: { type: 'boolean' } },
  })
  if (values.help) return say(USAGE)
  const name = positionals[0] ?? (await askName())
  if (values.remove) {
    removeIntegration(process.cwd(), name)
    return say(`${name} is removed. A database that has its entities keeps them: npm run migrate -- --plan tells.`)
  }
  const shape = shapeOf(values.shape) ?? (await askShape())
  const { files, route, example } = addIntegration(process.cwd(), name, shape)
  say(`Added:\n${files.map((file) => `  ${file}`).join('\n')}
Now:
  npm test         runs its tests with all others
  npm run dev      serves it; then, in another terminal:
  curl -s localhost:3000${route} -H 'content-type: application/json' -d '${JSON.stringify(example)}'`)
}

function shapeOf(given: string | undefined): Shape | undefined {
  if (given === undefined) return undefined
  const shape = SHAPES.find((one) => one === given)
  if (shape) return shape
  throw new Error(`--shape ${given} is not known: use one of ${SHAPES.join(', ')}`)
}

async function askName(): Promise<string> {
  if (!process.stdin.isTTY) throw missing('a name')
  const message = 'What is the integration called, as acmeSpeech?'
  const name = await text({ message, validate: (given) => badName(given ?? '') })
  if (isCancel(name)) throw missing('a name')
  return name
}

async function askShape(): Promise<Shape> {
  if (!process.stdin.isTTY) throw missing('--shape')
  const options = SHAPES.map((value) => ({ value, label: value, hint: WORDS[value] }))
  const shape = await select({ message: 'How does it work?', options })
  if (isCancel(shape)) throw missing('--shape')
  return shape
}

function missing(what: string): Error {
  return new Error(`Without ${what} nothing is added.\n${USAGE}`)
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
