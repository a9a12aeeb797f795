/** A main in the bench's own process, for what is measured call by call. */
import pino from 'pino'
import { application } from '../../application.js'
import { loadConfig } from '../../config/load.js'
import { type MainComponent, startMainComponent } from '../../main-component/index.js'
import type { Prices } from '../../protocol/index.js'
import { startPostgres } from '../../tests/support/postgres.js'
import { whileRunning } from './running.js'
import type { DatabaseKind } from './system.js'

export const BENCH_TOKEN = 'token-of-the-bench-0123456789'
/** What is measured here is compared with itself: nothing has to outlive the server. */
const FLAGS = ['fsync=off', 'full_page_writes=off', 'wal_level=minimal', 'max_wal_senders=0', 'max_wal_size=8GB']

/**
 * Starts so many, each with an empty database of its own, and stops them afterwards.
 *
 * @param prices of the test integration
 */
export async function withMains<T>(
  kind: DatabaseKind,
  count: number,
  use: (mains: MainComponent[]) => Promise<T>,
  prices?: Prices,
): Promise<T> {
  const postgres =
    kind === 'postgresql' ? await startPostgres({ postgresFlags: FLAGS.flatMap((flag) => ['-c', flag]) }) : undefined
  const mains: MainComponent[] = []
  return whileRunning(
    async () => {
      while (mains.length < count) mains.push(await startMain(await postgres?.createDatabase(), prices))
      return use(mains)
    },
    async () => {
      await Promise.all(mains.map((main) => main.stop()))
      await postgres?.stop()
    },
  )
}

function startMain(url: string | undefined, prices: Prices | undefined): Promise<MainComponent> {
  const config = loadConfig({ mode: 'local', component: 'main' })
  const { main } = config.components
  const database = { dataDir: 'memory://', ...(url !== undefined && { url }) }
  return startMainComponent({
    application,
    config: {
      ...config,
      components: { ...config.components, main: { ...main, port: 0, database } },
      ...(prices && { integrations: { ...config.integrations, testAsyncTask: { enabled: true, prices } } }),
    },
    internalTokens: [BENCH_TOKEN],
    logger: pino({ level: 'silent' }),
  })
}
