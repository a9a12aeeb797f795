/** Requests to a simulator, as a client makes them, and what came of them. */

export interface Answer {
  status: number
  headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: the tests look into what the simulator answers.
  body: any
}

/** A key for each of the simulators. */
const KEYS = { authorization: 'Bearer x', 'x-goog-api-key': 'x' }

export async function ask(
  method: string,
  url: string,
  body?: unknown,
  headers: Record<string, string> = KEYS,
): Promise<Answer> {
  const response = await fetch(url, { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) })
  return { status: response.status, headers: response.headers, body: await response.json() }
}

/** After so long without a byte a caller gives up. */
const SILENCE_MS = 100

/**
 * What a caller sees of a request: the status of a whole answer, or how there was none.
 *
 * @param expected what is expected of it: only where it is to hang is it given up
 * @param reached when it is to hang with no answer: resolves once it has reached the simulator
 */
export async function outcomeOf(
  expected: string,
  reached: () => Promise<unknown>,
  method: string,
  url: string,
  body?: unknown,
): Promise<string> {
  const gaveUp = new AbortController()
  const giveUp = () => setTimeout(() => gaveUp.abort(), SILENCE_MS)
  const init = {
    method,
    headers: KEYS,
    signal: gaveUp.signal,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  }
  let status = 0
  try {
    if (expected === 'hangs') void reached().then(giveUp)
    const response = await fetch(url, init)
    status = response.status
    if (expected === `${status} hangs`) giveUp()
    const bytes = Buffer.from(await response.arrayBuffer())
    if (response.headers.get('content-type')?.includes('json')) JSON.parse(bytes.toString())
    return String(status)
  } catch (error) {
    const how = error instanceof SyntaxError ? 'malformed' : gaveUp.signal.aborted ? 'hangs' : 'breaks'
    return status ? `${status} ${how}` : how
  }
}
