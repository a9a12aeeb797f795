/** Who watches `GET operator/changes`. */
import { expect } from 'vitest'

const opened: ChangesStream[] = []

/** To be called after each test. */
export function closeStreams(): void {
  for (const stream of opened.splice(0)) stream.close()
}

export interface Changed {
  integrations: string[]
  tasks: string[]
  /** When it came. */
  at: number
}

/** A client that has seen main accept it. */
export class ChangesStream {
  readonly #reader: ReadableStreamDefaultReader<string>
  #text = ''

  private constructor(response: Response) {
    if (!response.body) throw new Error('no body')
    this.#reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  }

  static async open(main: { url: string }, headers: Record<string, string>): Promise<ChangesStream> {
    const response = await fetch(`${main.url}/api/operator/changes`, { headers })
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream'])
    const stream = new ChangesStream(response)
    opened.push(stream)
    return stream
  }

  /** The next event; null if the stream ends. */
  async next(): Promise<Changed | null> {
    for (;;) {
      const found = /^event: changed\ndata: (.*)\n\n/m.exec(this.#text)
      if (found?.[1] !== undefined) {
        this.#text = this.#text.slice(found.index + found[0].length)
        return { ...JSON.parse(found[1]), at: performance.now() }
      }
      const { value, done } = await this.#reader.read()
      if (done) return null
      this.#text += value
    }
  }

  close(): void {
    void this.#reader.cancel().catch(() => {})
  }
}
