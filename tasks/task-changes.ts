/** Tells in this process that something of an integration has changed: what it did itself, and what others told. */

/** Without a key if it concerns no single task, or nobody knows which. */
type Heard = (taskKey?: string) => void

export class TaskChanges {
  readonly #heard = new Set<Heard>()

  tell(taskKey?: string): void {
    for (const heard of this.#heard) heard(taskKey)
  }

  /** @returns what ends it */
  listen(heard: Heard): () => void {
    this.#heard.add(heard)
    return () => void this.#heard.delete(heard)
  }
}
