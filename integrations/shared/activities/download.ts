/** Downloading what a provider made, from the link that it gave. */
import { ApplicationFailure } from '@temporalio/activity'
import { followingSignal } from '../following-signal.js'
import { collectBytes, mayPass } from './http-content.js'

/** An object store says in some hundred bytes why it refuses. */
const MAX_REASON_BYTES = 4096
const LINK_EXPIRED = 'download_link_expired'

export interface DownloadLimits {
  /** For how long nothing may come: a connection may be half open. */
  stallMs: number
  /** For all of it. */
  timeoutMs: number
}

/**
 * What a file holds, as it comes. The link is signed: no error repeats it.
 *
 * Throws an `ApplicationFailure`: `download_link_expired`, retryable, for a try that asks the provider for the link
 * again; `download_failed`, retryable unless the same request would be refused again. A body that ends early is a
 * failure too.
 */
export async function* download(url: string, limits: DownloadLimits, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const { controller, release } = followingSignal(signal)
  const giveUp = (message: string) => () => controller.abort(failed(message))
  const stalled = giveUp(`Nothing came of the download for ${limits.stallMs} ms`)
  const overdue = setTimeout(giveUp(`The download was not done within ${limits.timeoutMs} ms`), limits.timeoutMs)
  let silence = setTimeout(stalled, limits.stallMs)
  try {
    const response = await fetch(url, { signal: controller.signal })
    if (response.status !== 200 || !response.body) throw await answerFailure(response)
    for await (const chunk of response.body) {
      // How long the receiver takes is not the sender's silence.
      clearTimeout(silence)
      yield chunk
      silence = setTimeout(stalled, limits.stallMs)
    }
  } catch (error) {
    if (signal.aborted) throw signal.reason
    throw error instanceof ApplicationFailure ? error : failed(`The download broke off: ${describe(error)}`)
  } finally {
    clearTimeout(silence)
    clearTimeout(overdue)
    release()
  }
}

/** Whether the provider has to be asked for the link again. */
export function isLinkExpired(error: unknown): boolean {
  return error instanceof ApplicationFailure && error.type === LINK_EXPIRED
}

/** A download as a whole, for what is small. Throws as `download`, and `download_failed` past `maxBytes`, for good. */
export function downloadBytes(
  url: string,
  maxBytes: number,
  limits: DownloadLimits,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const tooLarge = () => failed(`The download is larger than ${maxBytes} bytes`, true)
  return collectBytes(download(url, limits, signal), maxBytes, tooLarge)
}

async function answerFailure(response: Response): Promise<ApplicationFailure> {
  const { status } = response
  const { code, message } = await reasonOf(response)
  const said = [status, code && `${code}:`, message].filter(Boolean).join(' ').replace(/:$/, '')
  // Object stores differ in the status by which they say so.
  const expired = [403, 404, 410].includes(status) || code === 'AccessDenied' || /expired/i.test(`${code} ${message}`)
  if (expired) return ApplicationFailure.retryable(`The link has expired (${said})`, LINK_EXPIRED)
  return failed(`The download answered ${said}`, !mayPass(status))
}

/** An object store's code and message, from its XML; nothing else of it, which may repeat the signature. */
async function reasonOf(response: Response): Promise<{ code: string; message: string }> {
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true })
    if (text.length > MAX_REASON_BYTES) break
  }
  const tag = (name: string) => new RegExp(`<${name}>([^<]{1,200})</${name}>`).exec(text)?.[1] ?? ''
  return { code: tag('Code'), message: tag('Message') }
}

function failed(message: string, forGood = false): ApplicationFailure {
  return ApplicationFailure.create({ type: 'download_failed', message, nonRetryable: forGood })
}

/** `fetch` says only that it failed, and its cause why. */
function describe(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return cause instanceof Error ? cause.message : String(cause)
}
