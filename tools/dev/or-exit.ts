import { TemporalDatabaseInUseError } from '../temporal/server.js'

/**
 * What the start of a Temporal server gives. Where it fails, says why, for the one at the terminal, and ends the
 * process with 1.
 *
 * @param script npm's script that is running, whose argument is the folder of its data
 */
export async function orExit<T>(start: Promise<T>, script: string): Promise<T> {
  try {
    return await start
  } catch (error) {
    const inUse = error instanceof TemporalDatabaseInUseError
    const remedy = inUse ? `, or give this one a folder of its own: npm run ${script} -- <folder>` : ''
    console.error(`${error instanceof Error ? error.message : String(error)}${remedy}`)
    process.exit(1)
  }
}
