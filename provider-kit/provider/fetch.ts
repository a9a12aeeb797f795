/** The only way by which this process sends HTTP requests to providers. */
import { Agent, fetch as undiciFetch } from 'undici'

// Node's own `fetch` gives up after 300 s of silence, whatever the request's time-out is. `fetch` and its dispatcher
// come from one package: different versions may not work together.
const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0 })

type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>

/**
 * `fetch` without a time-out of its own: only the request's signal ends it, so pass one that aborts. Connecting fails
 * after 10 s.
 */
export const providerFetch = ((url: string | URL, init?: RequestInit) =>
  undiciFetch(url, { ...(init as Parameters<typeof undiciFetch>[1]), dispatcher })) as unknown as Fetch
