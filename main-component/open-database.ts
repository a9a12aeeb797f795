import type { DatabaseLogger } from 'interaqt'
import type { Logger } from 'pino'
import type { OpenedDatabase } from './database.js'
import { type DatabasePlace, prepareFolder } from './database-folder.js'
import { replaceMissingDrivers } from './unused-drivers.js'

/** Opens PostgreSQL, or PGLite. */
export async function openDatabase(place: DatabasePlace, logger: Logger): Promise<OpenedDatabase> {
  // An empty database is made while the drivers, and what the caller needs, are loaded.
  const preparing = prepareFolder(place)
  replaceMissingDrivers()
  const log = databaseLogger(logger)
  if (place.url !== undefined) return (await import('./postgres-database.js')).openPostgreSQL(place.url, log)
  const [folder, { openPGLite }] = await Promise.all([preparing, import('./pglite-database.js')])
  return openPGLite(place.dataDir, folder, log)
}

/** Statements without their parameters, which are users' data. */
function databaseLogger(logger: Logger): DatabaseLogger {
  const adapter: DatabaseLogger = {
    info: ({ type, name, sql }) => logger.trace({ type, name, sql }, 'sql'),
    error: ({ type, name, sql, error }) => logger.debug({ type, name, sql, error }, 'sql failed'),
    child: () => adapter,
  }
  return adapter
}
