/**
 * A request to main, and its answer as text. By undici's own `request`: `fetch`, with its web streams, takes three times
 * as long, and main is asked at each step of a task. A redirect is an answer, and not followed.
 */
import { request } from 'undici'

export interface Exchange {
  method: 'GET' | 'POST'
  headers: Record<string, string>
  body?: string
  signal: AbortSignal
}

/** @throws what the connection fails with; the signal's reason when aborted, also while the answer arrives */
export async function exchange(url: URL, options: Exchange): Promise<{ status: number; text: string }> {
  const { statusCode, body } = await request(url, options)
  return { status: statusCode, text: await body.text() }
}
