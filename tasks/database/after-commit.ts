/** What is to happen once a transaction has been committed, whoever began it. */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Controller } from 'interaqt'

type Storage = Pick<Controller['system']['storage'], 'runInTransaction'>

const committing = new AsyncLocalStorage<Set<() => void>>()

/** Calls `work` once after the commit of the call's open transaction; at once if there is none. */
export function afterCommit(work: () => void): void {
  const works = committing.getStore()
  if (works) works.add(work)
  else work()
}

/** Makes the transactions of a storage call what `afterCommit` was given. */
export function watchCommits(storage: Storage): void {
  const runInTransaction = storage.runInTransaction.bind(storage)
  storage.runInTransaction = async (options, transaction) => {
    if (committing.getStore()) return runInTransaction(options, transaction)
    const works = new Set<() => void>()
    const result = await committing.run(works, () => runInTransaction(options, transaction))
    for (const work of works) work()
    return result
  }
}
