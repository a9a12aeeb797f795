/** What main knows of its database, of either kind. */
import type { Database } from 'interaqt'

export interface OpenedDatabase {
  kind: 'pglite' | 'postgresql'
  driver: Database
  /** Runs `boot` while no other process boots this database. Its statements have no time-out. */
  alone<T>(boot: () => Promise<T>): Promise<T>
  close(): Promise<void>
}
