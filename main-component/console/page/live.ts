/** Main tells what has changed (server-sent events); and whether it still can. */

/** Integrations by name, tasks by id. */
export interface Changed {
  integrations: string[]
  tasks: string[]
}

export type LiveState = 'connecting' | 'live' | 'lost'

/** Told of what changed; of undefined, if it may have been anything. */
type Listener = (changed: Changed | undefined) => void

/** Then a connection is tried again that the browser itself gave up: main answered with an error. */
const AGAIN_MS = 3000

export class Live {
  readonly #listeners = new Set<Listener>()
  #source: EventSource | undefined
  #again: ReturnType<typeof setTimeout> | undefined

  /** @param tell called with each state */
  constructor(private readonly tell: (state: LiveState) => void) {
    this.#connect()
  }

  /** Gives what ends it. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** As if something had changed. */
  wake(): void {
    for (const listener of this.#listeners) listener(undefined)
  }

  close(): void {
    clearTimeout(this.#again)
    this.#source?.close()
    this.#listeners.clear()
  }

  #connect(): void {
    const source = new EventSource('../api/operator/changes')
    this.#source = source
    source.onopen = () => {
      this.tell('live')
      // Nobody told what changed meanwhile.
      this.wake()
    }
    source.onerror = () => {
      this.tell('lost')
      if (source.readyState !== EventSource.CLOSED) return
      // If the session is over, what is asked next will tell.
      this.wake()
      this.#again = setTimeout(() => this.#connect(), AGAIN_MS)
    }
    source.addEventListener('changed', (event) => {
      const changed = JSON.parse((event as MessageEvent<string>).data) as Changed
      for (const listener of this.#listeners) listener(changed)
    })
  }
}
