import { SIMULATOR_HEADER } from '../simulators/index.js'
import { type Program, simulatorProgram } from '../stack/program.js'
import type { SimulatorInUse } from '../stack/simulators-in-use.js'

const LOOK_TIMEOUT_MS = 2_000

/** The simulators that do not run yet and can be started on this machine. Prints each. */
export async function missingSimulators(inUse: SimulatorInUse[], env: NodeJS.ProcessEnv): Promise<Program[]> {
  const programs: Program[] = []
  for (const { integration, simulator, url } of inUse) {
    const { hostname, port } = new URL(url)
    const found = await whatListens(url)
    const say = (how: string) =>
      console.log(`${integration}: no key is configured, the SIMULATOR ${simulator} stands in at ${url}: ${how}`)
    if (found === 'simulator') say('it runs already.')
    else if (found === 'other') say('BUT something else listens there. Free that port, or set its simulatorUrl.')
    else if (hostname === '127.0.0.1' || hostname === 'localhost') {
      say('started here.')
      programs.push(simulatorProgram(simulator, port, env))
    } else say('BUT nothing listens there. It has to be started on that machine.')
  }
  return programs
}

async function whatListens(url: string): Promise<'simulator' | 'other' | 'nothing'> {
  try {
    const { headers } = await fetch(url, { signal: AbortSignal.timeout(LOOK_TIMEOUT_MS), redirect: 'manual' })
    return headers.has(SIMULATOR_HEADER) ? 'simulator' : 'other'
  } catch (error) {
    const code = error instanceof Error && error.cause instanceof Error && 'code' in error.cause && error.cause.code
    return code === 'ECONNREFUSED' ? 'nothing' : 'other'
  }
}
