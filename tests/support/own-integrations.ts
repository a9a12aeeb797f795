/** The integrations of this repository itself, for tests that count them: an application adds others. */
import * as definitions from '@/integrations/entries/definitions.js'
import type { Integration } from '@/provider-kit/definition/define.js'

const OWN = ['fangzhouVideoGeneration', 'nanobanana2ImageGeneration', 'testAsyncTask']

const others = Object.values<Integration>(definitions).filter(({ namespace }) => !OWN.includes(namespace))

/** Whether an API is of one of them. */
export function isOthersPath(path: string): boolean {
  return others.some(({ namespace }) => path.includes(`/api/${namespace}/`))
}

/** The environment that disables them. */
export const withoutOthers: Record<string, string> = Object.fromEntries(
  others.map(({ template }) => [template.enabled?.replace(/^\$\{|\}$/g, '') ?? '', 'false']),
)

/** Sections of the configuration for them. */
export const otherSections: Record<string, object> = Object.fromEntries(
  others.map(({ namespace, template }) => [
    namespace,
    template.simulatorUrl === undefined ? {} : { simulatorUrl: 'http://127.0.0.1:9' },
  ]),
)
