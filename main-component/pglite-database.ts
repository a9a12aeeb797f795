/** PGLite as main's database: PostgreSQL in WebAssembly, in this process, with its data in a folder. */
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { DatabaseLogger } from 'interaqt'
import { PGLiteDB, type PGLiteDBConfig } from 'interaqt/drivers'
import { lockDataDir, unusable } from './data-dir-lock.js'
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

/** @param dataDir a folder, or `memory://` */
export async function openPGLite(dataDir: string, logger: DatabaseLogger): Promise<OpenedDatabase> {
  const inMemory = dataDir.startsWith('memory://')
  const options = { logger }
  if (inMemory) {
    const driver = new KeepingPGLite(dataDir, options, () => {})
    return { kind: 'pglite', driver, alone: (boot) => boot(), close: () => driver.close() }
  }
  const { path, unlock } = lockDataDir(dataDir)
  try {
    const isNew = !existsSync(join(path, 'PG_VERSION'))
    assertRoom(path, isNew)
    if (isNew) await initialisePGLite(path)
  } catch (error) {
    unlock()
    throw error
  }
  const endWatch = watchForStall(path)
  const driver = new KeepingPGLite(path, options, () => assertRoom(path))
  return {
    kind: 'pglite',
    driver,
    alone: (boot) => boot(),
    async close() {
      await driver.close()
      endWatch()
      unlock()
    },
  }
}

/** The longest time that making an empty database may take, on a very slow machine. */
const INITIALISE_MS = 60_000

/** In a thread of its own: it takes half a gigabyte, most of which would stay with this process. */
async function initialisePGLite(path: string): Promise<void> {
  const worker = new Worker(new URL('initialise-pglite.mjs', import.meta.url), { workerData: path, execArgv: [] })
  try {
    await once(worker, 'exit', { signal: AbortSignal.timeout(INITIALISE_MS) })
  } catch (cause) {
    throw unusable(path, cause)
  } finally {
    await worker.terminate()
  }
}
