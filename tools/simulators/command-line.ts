/** The command line of a simulator. */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { FAULT_KINDS, FAULTS, type FaultPlan, FaultPlanError, parseFaultPlan } from '../../simulator/faults.js'
import type { Simulator } from '../../simulator/simulator.js'
import { createArkSimulator } from './ark/index.js'
import { createGeminiSimulator } from './gemini/index.js'
import { ANSWER_SHAPES, type AnswerShape } from './image-gateway/answer.js'
import { createImageGatewaySimulator, type ImageGatewaySimulatorOptions } from './image-gateway/index.js'

export interface Kind {
  create(options: ImageGatewaySimulatorOptions): Simulator
  defaultPort: number
}

const KINDS: Record<string, Kind> = {
  ark: { create: createArkSimulator, defaultPort: 4010 },
  'image-gateway': { create: createImageGatewaySimulator, defaultPort: 4011 },
  gemini: { create: createGeminiSimulator, defaultPort: 4012 },
}

const OPTIONS = {
  port: { type: 'string' },
  'latency-ms': { type: 'string' },
  'latency-scale': { type: 'string' },
  faults: { type: 'string' },
  seed: { type: 'string' },
  'answer-shape': { type: 'string' },
  help: { type: 'boolean' },
} as const

export const USAGE = `Usage: npm run simulator -- ${Object.keys(KINDS).join('|')} [options]
  --port <number>          default ${Object.values(KINDS)
    .map(({ defaultPort }) => defaultPort)
    .join(', ')}
  --latency-ms <number>    how long making something takes; default 3000
  --latency-scale <number> in its place: as long as the provider takes, times this; 1 is as in life
  --faults <list>          such as rateLimited=3,acceptThenReset=10%, or @file.json with such an object
  --seed <number>          what happens at random follows from it; default 1
  --answer-shape <shape>   image-gateway: ${Object.keys(ANSWER_SHAPES).join(', ')}
  --help                   this, and the list of faults`

/** The usage text, with all faults. */
export const HELP = [
  USAGE,
  '',
  'Faults:',
  ...FAULT_KINDS.map((kind) => `  ${kind.padEnd(24)} ${FAULTS[kind][1]}`),
].join('\n')

/** The arguments are wrong: the message names the option and the remedy. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
  readonly code = 'USAGE'
  readonly retryable = false
}

/**
 * Makes the simulator that these arguments name, without starting it; undefined if they ask for help.
 *
 * @param own the integrations' own simulators, in addition to the built-in ones
 * @throws UsageError
 */
export function simulatorFor(
  args: string[],
  own: Readonly<Record<string, Kind>> = {},
): { name: string; simulator: Simulator } | undefined {
  const kinds = { ...own, ...KINDS }
  const { positionals, values } = parse(args)
  if (values.help) return undefined
  const [name = '', ...more] = positionals
  const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined
  if (!kind || more.length > 0) throw new UsageError(`Name one simulator: ${Object.keys(kinds).join(', ')}`)
  if (values['latency-ms'] !== undefined && values['latency-scale'] !== undefined) {
    throw new UsageError('--latency-ms and --latency-scale exclude each other: give one of them')
  }
  const options: ImageGatewaySimulatorOptions = {
    port: wholeNumber('port', values.port) ?? kind.defaultPort,
    ...given('latencyMs', wholeNumber('latency-ms', values['latency-ms'])),
    ...given('latencyScale', positiveNumber('latency-scale', values['latency-scale'])),
    ...given('seed', wholeNumber('seed', values.seed)),
    ...given('answerShape', answerShape(name, values['answer-shape'])),
  }
  try {
    return { name, simulator: kind.create({ ...options, faults: faultPlan(values.faults) }) }
  } catch (error) {
    if (error instanceof FaultPlanError) throw new UsageError(`--faults: ${error.message}`, { cause: error })
    throw error
  }
}

function parse(args: string[]) {
  try {
    return parseArgs({ args, allowPositionals: true, options: OPTIONS })
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error })
  }
}

/** `rateLimited=3,acceptThenReset=10%`, or `@` and the name of a JSON file. */
function faultPlan(text: string | undefined): FaultPlan {
  if (text === undefined) return {}
  if (text.startsWith('@')) return parseFaultPlan(readJson(text.slice(1)))
  const entries = text.split(',').map((entry) => {
    const [kind = '', rule = ''] = entry.trim().split('=')
    return [kind, /^\d+$/.test(rule) ? Number(rule) : rule]
  })
  return parseFaultPlan(Object.fromEntries(entries))
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new UsageError(`--faults: ${file} cannot be read as JSON: ${(error as Error).message}`, { cause: error })
  }
}

function answerShape(simulator: string, text: string | undefined): AnswerShape | undefined {
  if (text === undefined) return undefined
  if (simulator !== 'image-gateway') throw new UsageError(`--answer-shape is for image-gateway, not for ${simulator}`)
  if (Object.hasOwn(ANSWER_SHAPES, text)) return text as AnswerShape
  throw new UsageError(`--answer-shape must be one of ${Object.keys(ANSWER_SHAPES).join(', ')}, not ${text}`)
}

function wholeNumber(option: string, text: string | undefined): number | undefined {
  if (text === undefined || /^\d+$/.test(text)) return text === undefined ? undefined : Number(text)
  throw new UsageError(`--${option} must be a whole number, not ${text}`)
}

function positiveNumber(option: string, text: string | undefined): number | undefined {
  if (text === undefined || /^\d+(\.\d+)?$/.test(text)) return text === undefined ? undefined : Number(text)
  throw new UsageError(`--${option} must be a number such as 0.1, not ${text}`)
}

function given<Name extends string, Value>(name: Name, value: Value | undefined): { [name in Name]?: Value } {
  return value === undefined ? {} : ({ [name]: value } as { [name in Name]?: Value })
}
