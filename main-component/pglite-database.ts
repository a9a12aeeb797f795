/** PGLite as main's database: PostgreSQL in WebAssembly, in this process, with its data in a folder. */
import type { DatabaseLogger } from 'interaqt'
import { PGLiteDB, type PGLiteDBConfig } from 'interaqt/drivers'
import { type LockedFolder, unusable } from './data-dir-lock.js'
import type { OpenedDatabase } from './database.js'
import { assertRoom, watchForStall } from './disk-space.js'

/** Statements that need no disk space. Row locks do need some. */
const WRITES_NOTHING =
  /^\s*(SELECT\b(?![\s\S]*\bFOR\s+(NO\s+KEY\s+)?(UPDATE|SHARE)\b)|BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|SET)\b/i

/** A driver whose `open` never recreates the database, as interaqt's own does when asked to install. */
class KeepingPGLite extends PGLiteDB {
  /** @param beforeWrites throws if nothing may be written now */
  constructor(folder: string, options: PGLiteDBConfig, beforeWrites: () => void) {
    super(folder, options)
    // It opens at once; `open` reports any error.
    this.db.waitReady.catch(() => {})
    this.db.query = new Proxy(this.db.query, {
      apply(query, self, args) {
        if (!WRITES_NOTHING.test(String(args[0]))) beforeWrites()
        return Reflect.apply(query, self, args)
      },
    })
  }

  override async open(): Promise<void> {
    await this.db.waitReady.catch((cause: unknown) => {
      throw unusable(this.database ?? '', cause)
    })
    await super.open(false)
  }
}

/** @param folder where it is kept, unless it is in memory */
export function openPGLite(dataDir: string, folder: LockedFolder | undefined, logger: DatabaseLogger): OpenedDatabase {
  const endWatch = folder && watchForStall(folder.path)
  const beforeWrites = () => folder && assertRoom(folder.path)
  const driver = new KeepingPGLite(folder?.path ?? dataDir, { logger }, beforeWrites)
  return {
    kind: 'pglite',
    driver,
    alone: (boot) => boot(),
    async close() {
      await driver.close()
      endWatch?.()
      folder?.unlock()
    },
  }
}
