import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { z } from 'zod'
import { ConfigError, type ConfigProblem } from './config-error.js'
import { COMPONENTS, type Component, MODES, type Mode } from './modes.js'
import { deploymentProblems } from './production.js'
import { type AppConfig, configSchema, type Section } from './schema.js'
import { isObject, type Json, type JsonObject, merge, type Substituted, substitute } from './template.js'

const BASE_FILE = 'app.config.json'
const PACKAGE = fileURLToPath(new URL('..', import.meta.url))

export interface LoadConfigOptions {
  /** Default: the process's environment. */
  env?: NodeJS.ProcessEnv
  /** Default: `CONFIG_MODE`, else `local`. */
  mode?: string
  /** The process that asks: the other's requirements are not checked. Default: `CONFIG_COMPONENT`, else both. */
  component?: string
  /** The folder with `app.config.json`; without the file, this package's own is taken. Default: the working directory. */
  root?: string
}

/**
 * Reads the configuration: `app.config.json`, overlaid by `deploy.<mode>.json`, with the environment's variables filled
 * in, and validates it.
 *
 * @param sections the schema of `integrations`
 * @param template what is under the files there
 * @throws ConfigError with every problem, where it is, and its remedy
 */
export function readConfig<S extends Record<string, Section>>(
  sections: z.ZodType<S>,
  template: JsonObject,
  options: LoadConfigOptions = {},
): AppConfig<S> {
  const env = options.env ?? process.env
  const root = options.root ?? process.cwd()
  const mode = oneOf(MODES, 'CONFIG_MODE', options.mode ?? (env.CONFIG_MODE || 'local'))
  const chosen = options.component ?? env.CONFIG_COMPONENT
  const components = chosen ? [oneOf(COMPONENTS, 'CONFIG_COMPONENT', chosen)] : COMPONENTS

  const base = readJson(existsSync(join(root, BASE_FILE)) ? root : PACKAGE, BASE_FILE, mode)
  const overlayFile = `deploy.${mode}.json`
  const overlay = mode === 'local' ? {} : readJson(root, overlayFile, mode)
  const substituted = substitute(merge({ integrations: template }, merge(base, overlay)), env)
  if (!components.includes('main')) leaveOutMainsOwn(substituted.values)

  const result = configSchema(sections).safeParse({ mode, ...substituted.values })
  if (!result.success) {
    const fileOf = (path: PropertyKey[]) => (holds(overlay, path) ? overlayFile : BASE_FILE)
    const problems = result.error.issues.flatMap((issue) => describe(issue, substituted, fileOf))
    throw new ConfigError(mode, problems)
  }
  const problems = mode === 'local' ? [] : deploymentProblems(result.data, components)
  if (problems.length > 0) throw new ConfigError(mode, problems)
  return result.data
}

/** The daemon reads the same files: main's own settings may be missing or incomplete there. */
function leaveOutMainsOwn(values: JsonObject): void {
  const main = valueAt(values, ['components', 'main'])
  if (!isObject(main)) return
  delete main.auth
  delete main.operatorToken
  delete main.webhooks
  delete main.metrics
}

function oneOf<T extends Mode | Component>(allowed: readonly T[], variable: string, value: string): T {
  const found = allowed.find((one) => one === value)
  if (found) return found
  const problem = { path: variable, message: `is not known: ${value}`, remedy: `Use one of: ${allowed.join(', ')}.` }
  throw new ConfigError(value, [problem])
}

function readJson(root: string, file: string, mode: string): JsonObject {
  const path = join(root, file)
  try {
    const content = JSON.parse(readFileSync(path, 'utf8')) as Json
    if (isObject(content)) return content
    throw new Error('it holds no JSON object')
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const problem = { path: file, message: `cannot be read: ${reason}`, remedy: `Correct ${path}.` }
    throw new ConfigError(mode, [problem], { cause })
  }
}

function describe(
  issue: z.core.$ZodIssue,
  { values, substitutions }: Substituted,
  fileOf: (path: PropertyKey[]) => string,
): ConfigProblem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const path = [...issue.path, key].join('.')
      const variables = substitutions.get(path)?.variables
      const json = textAround([...issue.path, key], values, substitutions)
      if (json)
        return { path, message: 'is not an option', remedy: `Correct ${json.variables.join(', ')} in the environment.` }
      if (!variables) {
        const remedy = `Remove it from ${fileOf([...issue.path, key])}, or correct its name.`
        return { path, message: 'is not an option', remedy }
      }
      const remedy = `Take ${variables.join(', ')} out of the environment, or choose what it belongs to.`
      return { path, message: 'cannot be combined with the other given options', remedy }
    })
  }
  const path = issue.path.join('.')
  const json = textAround(issue.path, values, substitutions)
  const missing = issue.code !== 'custom' && !json && !holds(values, issue.path)
  const message = missing ? 'is missing' : issue.message
  const fromEnvironment = substitutions.get(path) ?? json
  if (fromEnvironment) {
    const { variables, unset } = fromEnvironment
    const verb = unset.length > 0 ? 'Set' : 'Correct'
    return [
      { path, message, remedy: `${verb} ${(unset.length > 0 ? unset : variables).join(', ')} in the environment.` },
    ]
  }
  return [{ path, message, remedy: `${missing ? 'Add it to' : 'Correct it in'} ${fileOf(issue.path)}.` }]
}

/** The variable whose JSON text has the field. */
function textAround(path: PropertyKey[], values: JsonObject, substitutions: Substituted['substitutions']) {
  const outer = path.slice(0, -1)
  for (; outer.length > 0; outer.pop()) {
    const found = substitutions.get(outer.join('.'))
    if (found && typeof valueAt(values, outer) === 'string') return found
  }
  return undefined
}

function holds(object: JsonObject, path: PropertyKey[]): boolean {
  return valueAt(object, path) !== undefined
}

function valueAt(object: JsonObject, path: PropertyKey[]): Json | undefined {
  return path.reduce<Json | undefined>(
    (value, key) => (Array.isArray(value) ? value[key as number] : isObject(value) ? value[key as string] : undefined),
    object,
  )
}
