/** A definition's section of the configuration, and its options' names in the environment. */
import { z } from 'zod'
import { fromText } from '../../lib/from-text.js'
import {
  ambiguityOptions,
  callbackOptions,
  type Defaults,
  localOptions,
  pollingOptions,
  providerOptions,
} from '../provider/config.js'

export interface SectionParts {
  shape: 'polled' | 'single' | 'local' | 'custom'
  settings: z.ZodRawShape
  defaults: Defaults | undefined
  needsModel: boolean
  callbacks: boolean
  onAmbiguousCreate: 'fail' | 'retry' | undefined
}

/** The options of a section, by name. An integration's own take precedence over the common ones. */
export function optionsOf({ shape, settings, defaults, callbacks, onAmbiguousCreate }: SectionParts): z.ZodRawShape {
  const hasProvider = shape === 'polled' || shape === 'single'
  return {
    ...(hasProvider ? providerOptions(defaults) : localOptions(defaults)),
    ...(shape === 'local' && { deadlineSeconds: providerOptions(defaults).deadlineSeconds }),
    ...(shape === 'polled' && pollingOptions(defaults)),
    ...(callbacks && callbackOptions),
    ...(onAmbiguousCreate && ambiguityOptions(onAmbiguousCreate)),
    ...Object.fromEntries(Object.entries(settings).map(([name, schema]) => [name, fromText(schema as z.ZodType)])),
  }
}

export function sectionOf(parts: SectionParts): z.ZodType {
  const needed = ['baseUrl' as const, ...(parts.needsModel ? (['model'] as const) : [])]
  return z.strictObject(optionsOf(parts)).superRefine((options, context) => {
    const section = options as Record<string, unknown>
    const complain = (field: string, message: string) => context.addIssue({ code: 'custom', path: [field], message })
    for (const field of section.apiKey === undefined ? [] : needed) {
      if (section[field] === undefined) complain(field, `is needed when apiKey is set: give ${field}`)
    }
    for (const field of section.prices === undefined ? ['budget', 'budgetPerUser'] : []) {
      if (section[field] !== undefined) complain(field, 'needs prices: without them nobody knows what is spent')
    }
    const { deadlineSeconds, requestTimeoutMs, settleSeconds } = section as Record<string, number | undefined>
    if (deadlineSeconds === undefined || requestTimeoutMs === undefined || settleSeconds === undefined) return
    const shortest = requestTimeoutMs / 1000 + settleSeconds
    if (deadlineSeconds > shortest) return
    const why = `must be more than ${shortest}, which is requestTimeoutMs and settleSeconds together: only then is it certain that a create did not happen`
    complain('deadlineSeconds', why)
  })
}

/**
 * The section as in a configuration file: each option by its name in the environment, such as
 * `${ACME_MAX_TASKS_IN_FLIGHT}` for `maxTasksInFlight` of `ACME`.
 *
 * @param fallbacks the values for variables that are not set
 */
export function templateOf(
  prefix: string,
  options: z.ZodRawShape,
  fallbacks: Record<string, string | undefined>,
): Record<string, string> {
  const entries = Object.keys(options).map((name) => {
    const fallback = fallbacks[name] === undefined ? '' : `:-${fallbacks[name]}`
    return [name, `\${${prefix}_${upperSnakeCase(name)}${fallback}}`]
  })
  return Object.fromEntries(entries)
}

export function upperSnakeCase(name: string): string {
  return name
    .replace(/([a-z\d])([A-Z])/g, '$1_$2')
    .replaceAll('-', '_')
    .toUpperCase()
}
