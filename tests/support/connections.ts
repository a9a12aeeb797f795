/** What main does with all of its pool's connections at once. */
import type { Controller } from 'interaqt'
import { databaseOf, inTransaction } from '@/tasks/database/sql.js'

/** How many connections main's pool has. */
export const POOL_SIZE = 20

/** Opens a transaction on every connection of main's pool; gives what ends them. */
export async function holdAllConnections(controller: Controller): Promise<() => Promise<void>> {
  let letGo = () => {}
  const until = new Promise<void>((resolve) => {
    letGo = resolve
  })
  const meet = rendezvous(POOL_SIZE + 1)
  const held = Array.from({ length: POOL_SIZE }, () =>
    inTransaction(controller, 'held', async () => {
      await databaseOf(controller).query('SELECT 1', [])
      await meet()
      await until
    }),
  )
  await meet()
  return async () => {
    letGo()
    await Promise.all(held)
  }
}

/** Lets nobody pass before `parties` have come; then everybody. */
export function rendezvous(parties: number): () => Promise<void> {
  let open = () => {}
  const all = new Promise<void>((resolve) => {
    open = resolve
  })
  let arrived = 0
  return () => {
    arrived += 1
    if (arrived >= parties) open()
    return all
  }
}
