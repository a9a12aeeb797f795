/** The database to upgrade, of either kind, and how to read it once no main uses it. */
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { CrashablePostgres } from '../system/postgres.js'
import { readTasks, type StoredTask } from '../witnesses/database.js'

export type DatabaseKind = 'pglite' | 'postgresql'

export interface UpgradedDatabase {
  kind: DatabaseKind
  env: Record<string, string | undefined>
  /** Only once no main uses it. */
  readTasks(): Promise<StoredTask[]>
  stop(): Promise<void>
}

export async function startDatabase(kind: DatabaseKind, folder: string): Promise<UpgradedDatabase> {
  if (kind === 'postgresql') {
    const postgres = await CrashablePostgres.start()
    return {
      kind,
      env: { DATABASE_URL: postgres.url },
      readTasks: () => readTasks((sql, params) => postgres.query(sql, params)),
      stop: () => postgres.stop(),
    }
  }
  const dataDir = join(folder, 'main')
  return {
    kind,
    env: { DATABASE_URL: undefined, MAIN_DATA_DIR: dataDir },
    async readTasks() {
      const pglite = await PGlite.create(dataDir)
      try {
        return await readTasks(async (sql, params) => (await pglite.query(sql, params)).rows as never)
      } finally {
        await pglite.close()
      }
    },
    stop: async () => {},
  }
}
