/** The commands that hold an integration, let it go on, and limit it. */
import type { IntegrationState } from '../../main-component/console/page/answers.js'
import { agreed, who } from './acting.js'
import type { Command } from './looking.js'
import { json } from './terminal.js'
import { COMMON, numberOption, parseOptions, TEXT, UsageError } from './usage.js'

export const pause: Command = control('pause', 'claims no more tasks; what is in flight goes on')
export const resume: Command = control('resume', 'claims tasks again')

const ACTING = { ...COMMON, by: TEXT, reason: TEXT, yes: { type: 'boolean' } } as const

/** By option: the limit that it sets, and the least that it may be. */
const LIMITS = {
  'in-flight': ['maxTasksInFlight', 0],
  'in-flight-per-user': ['maxTasksInFlightPerUser', 1],
  'requests-per-minute': ['requestsPerMinute', 1],
} as const

/** Sets limits; without any it shows those in force. `none` gives one back to the configuration. */
export const limits: Command = async (args, session) => {
  const { values, positionals } = parseOptions(args, {
    ...ACTING,
    ...{ 'in-flight': TEXT, 'in-flight-per-user': TEXT, 'requests-per-minute': TEXT },
  })
  const integration = oneIntegration('limits', positionals)
  const asked = Object.entries(LIMITS).flatMap(([option, [name, least]]) => {
    const limit = limitOption(option, values[option as keyof typeof LIMITS], least)
    return limit === undefined ? [] : [[name, limit] as const]
  })
  const apis = session.connect(values)
  if (asked.length > 0 && !values.yes) {
    const spelt = asked.map(([name, limit]) => `${name} ${limit ?? 'as configured'}`).join(', ')
    if (!(await agreed(session, `${integration}: ${spelt}?`))) return 1
  }
  const change = { ...who(values), ...Object.fromEntries(asked) }
  const state = asked.length > 0 ? await apis.control(integration, 'setLimits', change) : await apis.state(integration)
  session.terminal.out(values.json ? json(state, 2) : shownLimits(state))
  return 0
}

function shownLimits(state: IntegrationState): string {
  const lines = Object.values(LIMITS).flatMap(([name]) => {
    const limit = state[name]
    if (limit === null) return []
    const configured = limit.configured ?? 'any number'
    return `${name.padEnd(25)}${limit.set ?? configured}${limit.set === null ? '' : ` (configured: ${configured})`}`
  })
  return [...lines, `${'in flight'.padEnd(25)}${state.inFlight}`].join('\n')
}

/** Null gives the limit back to the configuration. */
function limitOption(name: string, given: string | undefined, least: number): number | null | undefined {
  return given === 'none' ? null : numberOption(name, given, least, 1_000_000)
}

function oneIntegration(command: string, [integration, ...others]: string[]): string {
  if (integration !== undefined && others.length === 0) return integration
  throw new UsageError(`${command} takes the name of one integration`)
}

function control(act: 'pause' | 'resume', outcome: string): Command {
  return async (args, session) => {
    const { values, positionals } = parseOptions(args, ACTING)
    const integration = oneIntegration(act, positionals)
    if (act === 'pause' && !values.reason?.trim()) throw new UsageError('pause needs a --reason, which others will see')
    const apis = session.connect(values)
    if (!values.yes && !(await agreed(session, `${integration}: ${act}?`))) return 1
    const state = await apis.control(integration, act, who(values))
    session.terminal.out(values.json ? json(state, 2) : `${integration} ${outcome}`)
    return 0
  }
}
