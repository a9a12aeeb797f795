/** Fetches files from users' URLs, but nothing from a private network. */
import { ApplicationFailure } from '@temporalio/activity'
import { fileTypeFromBuffer } from 'file-type'
import { withTimeout } from '../../lib/abort.js'
import { type ConnectionOptions, ForbiddenUrlError, getChecked } from '../../lib/checked-http.js'
import { collectBytes, mayPass } from './http-content.js'
import { urlFailure } from './user-urls.js'

export interface SafeFetchLimits {
  media: 'image' | 'video'
  maxBytes: number
  /** For the whole fetch, with redirects. */
  timeoutMs: number
}

export interface FetchedFile {
  bytes: Uint8Array
  /** According to the bytes, not to the server. */
  mimeType: string
}

/**
 * Fetches a file from a user's URL. Each connection, also of a redirect, is made to a checked address, so that a name
 * cannot resolve to another one between check and use.
 *
 * Throws an `ApplicationFailure` that shows only the URL's host: of the kind `refused`, non-retryable,
 * `url_not_allowed`, `url_too_large`, `url_not_media` or `url_refused`; of the kind `unavailable`, `url_unavailable`.
 */
export async function safeFetch(
  url: string,
  limits: SafeFetchLimits,
  signal: AbortSignal,
  options: ConnectionOptions = {},
): Promise<FetchedFile> {
  try {
    return await withTimeout(limits.timeoutMs, [signal], async (soon) => {
      try {
        return await fetchFile(url, limits, soon, options)
      } catch (error) {
        throw soon.aborted ? soon.reason : error
      }
    })
  } catch (error) {
    if (signal.aborted || error instanceof ApplicationFailure) throw error
    if (error instanceof ForbiddenUrlError) {
      throw refused(error.code === 'url_not_allowed' ? error.code : 'url_refused', error.message)
    }
    const { message } = error as Error
    throw urlFailure('url_unavailable', `The URL could not be fetched: ${message}`, 'unavailable')
  }
}

async function fetchFile(
  url: string,
  { media, maxBytes }: SafeFetchLimits,
  signal: AbortSignal,
  options: ConnectionOptions,
): Promise<FetchedFile> {
  const { url: found, response } = await getChecked(url, signal, options)
  if (response.statusCode !== 200) {
    response.destroy()
    throw answerFailure(found, response.statusCode ?? 0)
  }
  const bytes = await collectBytes(response, maxBytes, () =>
    refused('url_too_large', `The file at ${found.host} is larger than ${maxBytes} bytes`),
  )
  const type = await fileTypeFromBuffer(bytes)
  if (!type?.mime.startsWith(`${media}/`)) {
    throw refused('url_not_media', `${found.host} gave ${type?.mime ?? 'no known type of file'}, not ${media}`)
  }
  return { bytes, mimeType: type.mime }
}

function answerFailure(url: URL, status: number): ApplicationFailure {
  const said = `${url.host} answered ${status}`
  return mayPass(status) ? urlFailure('url_unavailable', said, 'unavailable') : refused('url_refused', said)
}

function refused(type: string, message: string): ApplicationFailure {
  return urlFailure(type, message, 'refused')
}
