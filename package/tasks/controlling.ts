/** The commands that hold an integration, let it go on, and limit it. */
import { agreed, who } from './acting.js'
import type { Command } from './looking.js'
import type { IntegrationState } from './operators-apis.js'
import { json } from './terminal.js'
import { COMMON, numberOption, parseOptions, TEXT, UsageError } from './usage.js'

export const pause: Command = control('pause', 'claims no more tasks; what is in flight goes on')
export const resume: Command = control('resume', 'claims tasks again')

/** Sets limits; without any it shows those in force. `none` gives one back to the configuration. */
export const limits: Command = async (args, session) => {
  const { values, positionals } = parseOptions(args, {
    ...{ ...COMMON, by: TEXT, reason: TEXT, yes: { type: 'boolean' } },
    ...{ 'in-flight': TEXT, 'in-flight-per-user': TEXT },
  })
  const integration = oneIntegration('limits', positionals)
  const asked = {
    maxTasksInFlight: limitOption('in-flight', values['in-flight'], 0),
    maxTasksInFlightPerUser: limitOption('in-flight-per-user', values['in-flight-per-user'], 1),
  }
  const apis = session.connect(values)
  const changes = Object.entries(asked).filter(([, limit]) => limit !== undefined)
  if (changes.length > 0 && !values.yes) {
    const spelt = changes.map(([name, limit]) => `${name} ${limit ?? 'as configured'}`).join(', ')
    if (!(await agreed(session, `${integration}: ${spelt}?`))) return 1
  }
  const state =
    changes.length > 0
      ? await apis.control(integration, 'setLimits', { ...who(values), ...asked })
      : await apis.state(integration)
  session.terminal.out(values.json ? json(state, 2) : shownLimits(state))
  return 0
}

function shownLimits(state: IntegrationState): string {
  const line = (name: 'maxTasksInFlight' | 'maxTasksInFlightPerUser') => {
    const { configured, set } = state[name]
    const inForce = set ?? configured ?? 'any number'
    return `${name.padEnd(25)}${inForce}${set === null ? '' : ` (configured: ${configured ?? 'any number'})`}`
  }
  return [line('maxTasksInFlight'), line('maxTasksInFlightPerUser'), `${'in flight'.padEnd(25)}${state.inFlight}`].join(
    '\n',
  )
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
    const { values, positionals } = parseOptions(args, { ...COMMON, by: TEXT, reason: TEXT, yes: { type: 'boolean' } })
    const integration = oneIntegration(act, positionals)
    if (act === 'pause' && !values.reason) throw new UsageError('pause needs a --reason, which others will see')
    const apis = session.connect(values)
    if (!values.yes && !(await agreed(session, `${integration}: ${act}?`))) return 1
    const state = await apis.control(integration, act, who(values))
    session.terminal.out(values.json ? json(state, 2) : `${integration} ${outcome}`)
    return 0
  }
}
