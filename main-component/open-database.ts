import type { DatabaseLogger } from 'interaqt'
import type { Logger } from 'pino'
import type { OpenedDatabase } from './database.js'
import { replaceMissingDrivers } from './unused-drivers.js'

/**
 * Opens PostgreSQL, or PGLite.
 *
 * @param database `dataDir` is a folder, or `memory://`; it is used if there is no `url`
 */
export async function openDatabase(
  { url, dataDir }: { url?: string | undefined; dataDir: string },
  logger: Logger,
): Promise<OpenedDatabase> {
  replaceMissingDrivers()
  const log = databaseLogger(logger)
  if (url === undefined) return (await import('./pglite-database.js')).openPGLite(dataDir, log)
  return (await import('./postgres-database.js')).openPostgreSQL(url, log)
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
