/** The commands that hold an integration, and let it go on. */
import { agreed, who } from './acting.js'
import type { Command } from './looking.js'
import { json } from './terminal.js'
import { COMMON, parseOptions, TEXT, UsageError } from './usage.js'

export const pause: Command = control('pause', 'claims no more tasks; what is in flight goes on')
export const resume: Command = control('resume', 'claims tasks again')

function control(act: 'pause' | 'resume', outcome: string): Command {
  return async (args, session) => {
    const { values, positionals } = parseOptions(args, { ...COMMON, by: TEXT, reason: TEXT, yes: { type: 'boolean' } })
    const [integration, ...others] = positionals
    if (integration === undefined || others.length > 0) throw new UsageError(`${act} takes the name of one integration`)
    if (act === 'pause' && !values.reason) throw new UsageError('pause needs a --reason, which others will see')
    const apis = session.connect(values)
    if (!values.yes && !(await agreed(session, `${integration}: ${act}?`))) return 1
    const state = await apis.control(integration, act, who(values))
    session.terminal.out(values.json ? json(state, 2) : `${integration} ${outcome}`)
    return 0
  }
}
