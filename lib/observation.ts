/**
 * How code tells what happens to whoever counts it, and knows nothing of them: Node's diagnostics channels, which cost
 * a look at a flag while nobody listens.
 */
import { channel } from 'node:diagnostics_channel'

export interface Observation<Told extends object> {
  tell(told: Told): void
  /** @returns what ends it */
  listen(listener: (told: Told) => void): () => void
}

/** @param name of its channel, without the product's prefix */
export function observation<Told extends object>(name: string): Observation<Told> {
  const on = channel(`async-task:${name}`)
  return {
    tell: (told) => on.publish(told),
    listen(listener) {
      const heard = (told: unknown) => listener(told as Told)
      on.subscribe(heard)
      return () => void on.unsubscribe(heard)
    },
  }
}
