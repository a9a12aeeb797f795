/** The one way by which this process sends HTTP requests to providers. */
import { Agent, fetch as undiciFetch } from 'undici'

// Node's own `fetch` gives up after 300 s of silence, whatever time-out a request has. A dispatcher of another version
// than the `fetch` that it is given to may not fit: both are of one package.
const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0 })

type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>

/**
 * `fetch`, with no limit to an answer's silence but the request's signal: give one that ends in time. A connection that
 * is not made within 10 s fails.
 */
export const providerFetch = ((url: string | URL, init?: RequestInit) =>
  undiciFetch(url, { ...(init as Parameters<typeof undiciFetch>[1]), dispatcher })) as unknown as Fetch
