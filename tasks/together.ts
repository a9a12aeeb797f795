/** Work that comes while other such work is under way is done together, once that is over; the first comes at once. */
import { AsyncResource } from 'node:async_hooks'

interface Waiting<Item, Result> {
  item: Item
  resolve(result: Result): void
  reject(error: unknown): void
  /** Of its caller, such as the urgency of its request. */
  context: AsyncResource
}

export class Together<Item, Result> {
  readonly #waiting: Waiting<Item, Result>[] = []
  #isBusy = false

  /** @param doAll gives the result of each, in their order; runs in the context of the first */
  constructor(
    private readonly doAll: (items: Item[]) => Promise<Result[]>,
    private readonly mostAtOnce: number,
  ) {}

  /** @throws what `doAll` throws, for each of those that were done together */
  do(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject, context: new AsyncResource('Together') })
      if (this.#isBusy) return
      this.#isBusy = true
      // What has arrived by now, and has not been read yet, is done together with it.
      setImmediate(() => void this.#run())
    })
  }

  async #run(): Promise<void> {
    for (let all = this.#next(); all[0]; all = this.#next()) {
      try {
        const results = await all[0].context.runInAsyncScope(() => this.doAll(all.map(({ item }) => item)))
        for (const [index, { resolve }] of all.entries()) resolve(results[index] as Result)
      } catch (error) {
        for (const { reject } of all) reject(error)
      }
    }
    this.#isBusy = false
  }

  #next(): Waiting<Item, Result>[] {
    return this.#waiting.splice(0, this.mostAtOnce)
  }
}
