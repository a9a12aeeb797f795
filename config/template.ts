/** Configuration as it is in the files: JSON whose strings may hold `${NAME}` and `${NAME:-default}`. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json }
export type JsonObject = { [key: string]: Json }

const VARIABLE = /\$\{(\w+)(?::-([^}]*))?\}/g

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** `overlay` over `base`, object by object; anything else in `overlay` replaces what was there. */
export function merge(base: JsonObject, overlay: JsonObject): JsonObject {
  const merged: JsonObject = { ...base }
  for (const [key, value] of Object.entries(overlay)) {
    const below = base[key]
    merged[key] = isObject(value) && isObject(below) ? merge(below, value) : value
  }
  return merged
}

/** What the environment contributed to one field. */
export interface Substitution {
  variables: string[]
  /** Variables that are not set and have no default: then the field is absent. */
  unset: string[]
}

export interface Substituted {
  values: JsonObject
  /** By the field's path, joined with dots. */
  substitutions: Map<string, Substitution>
}

/**
 * Fills in the environment's variables. An empty variable counts as not set. A field with an unset variable and no
 * default is left out, so that its own default, or the error about its absence, applies.
 */
export function substitute(template: JsonObject, env: NodeJS.ProcessEnv): Substituted {
  const substitutions = new Map<string, Substitution>()

  function fill(value: Json, path: string): Json | undefined {
    if (Array.isArray(value)) {
      return value.flatMap((item, index) => fill(item, `${path}.${index}`) ?? [])
    }
    if (isObject(value)) return fillObject(value, `${path}.`)
    if (typeof value !== 'string') return value

    const found = [...value.matchAll(VARIABLE)]
    if (found.length === 0) return value
    const variables = found.map(([, name]) => name as string)
    const unset = found.filter(([, name, fallback]) => !env[name as string] && fallback === undefined)
    substitutions.set(path, { variables, unset: unset.map(([, name]) => name as string) })
    if (unset.length > 0) return undefined
    return (
      value.replace(VARIABLE, (_, name: string, fallback?: string) => env[name] || (fallback as string)) || undefined
    )
  }

  function fillObject(object: JsonObject, prefix: string): JsonObject {
    const filled = Object.entries(object).map(([key, value]) => [key, fill(value, `${prefix}${key}`)] as const)
    return Object.fromEntries(filled.filter((entry): entry is [string, Json] => entry[1] !== undefined))
  }

  return { values: fillObject(template, ''), substitutions }
}
