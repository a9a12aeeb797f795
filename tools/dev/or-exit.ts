import { TemporalDatabaseInUseError } from '../temporal/server.js'

/**
 * Returns the started Temporal server. If the start fails, prints the reason and exits with 1.
 *
 * @param script the running npm script, whose argument is its data folder
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
