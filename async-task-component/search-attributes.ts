/** `async-task search-attributes`, in this repository `npm run search-attributes`: what runs can be searched by. */
import { parseArgs } from 'node:util'
import type { Application } from '../application/define.js'
import { clientConnection, temporalTarget } from '../lib/temporal-client.js'
import { BoundedTemporal } from './bounded-temporal.js'
import { RUN_ATTRIBUTES, registeredAttributes } from './run-labels.js'

const TIMEOUT_MS = 10_000

/** Tells which search attributes Temporal has registered for the namespace, and registers the others if asked to. */
export async function runSearchAttributes(
  application: Pick<Application, 'loadConfig'>,
  args: string[],
  say: (line: string) => void = console.log,
): Promise<void> {
  const { values } = parseArgs({ args, options: { register: { type: 'boolean', default: false } } })
  const target = temporalTarget(application.loadConfig({ component: 'asyncTask' }).components.asyncTask.temporal)
  const { address, namespace, security } = target
  const connection = clientConnection(address, security)
  const temporal = new BoundedTemporal(connection, { namespace, timeoutMs: TIMEOUT_MS })
  const { signal } = new AbortController()
  try {
    const registered = await registeredAttributes(temporal, signal)
    const missing = Object.entries(RUN_ATTRIBUTES).filter(([name]) => registered[name] === undefined)
    for (const [name, type] of Object.entries(RUN_ATTRIBUTES)) {
      const found = registered[name]
      say(
        `${name}: ${found === type ? 'registered' : found === undefined ? 'missing' : 'registered with another type, and not used'}`,
      )
    }
    if (!values.register || missing.length === 0) return
    const searchAttributes = Object.fromEntries(missing)
    await temporal.callOperator(signal, (operator) => operator.addSearchAttributes({ namespace, searchAttributes }))
    say(
      `Registered ${missing.map(([name]) => name).join(', ')}: daemons use them within ten minutes, or once restarted`,
    )
  } finally {
    await connection.close()
  }
}
