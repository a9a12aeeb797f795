import type { Logger } from 'pino'
import type { OpenedDatabase } from './database.js'
import { replaceMissingDrivers } from './unused-drivers.js'

/**
 * Opens PostgreSQL, or PGLite.
 *
 * @param database `dataDir` is a folder, or `memory://`; it is used if there is no `url`
 */
export async function openDatabase(
  database: { url?: string | undefined; dataDir: string },
  logger: Logger,
): Promise<OpenedDatabase> {
  replaceMissingDrivers()
  const drivers = await import('./database.js')
  return drivers.openDatabase(database, logger)
}
