/** The reference images of a request: links that are passed on, or the images themselves. */
import { fileTypeFromBuffer } from 'file-type'
import { allowedAddresses } from '../../lib/public-url.js'
import { ProviderError } from '../../provider-kit/provider/errors.js'
import { type FetchedFile, safeFetch } from '../../provider-kit/provider/safe-fetch.js'
import type { UserUrlChecks } from '../../provider-kit/provider/user-urls.js'

const MEGABYTE = 1024 ** 2
/** Gemini takes requests of 20 MB, and base64 makes four bytes of three. */
const MAX_TOGETHER_BYTES = 14 * MEGABYTE
const FETCH_LIMITS = { media: 'image', maxBytes: 7 * MEGABYTE, timeoutMs: 30_000 } as const

export interface InlineImage {
  mimeType: string
  /** Base64. */
  data: string
}

/** The links among the images, as `checkUserUrls` takes them. */
export function linksAmong(urls: readonly string[]): string[] {
  return urls.filter((url) => !isData(url))
}

/**
 * Gets the images: out of data URLs, and safely from where http(s) URLs lead.
 *
 * @throws before anything is sent to the provider: what `safeFetch` throws; ProviderError of the kind `refused`,
 *   `reference_not_an_image` or `references_too_large`
 */
export async function inlineImages(
  urls: readonly string[],
  signal: AbortSignal,
  { lookup, ...options }: UserUrlChecks = {},
): Promise<InlineImage[]> {
  const mayConnectTo = allowedAddresses(options)
  const files = await Promise.all(
    urls.map((url) =>
      isData(url) ? decode(url) : safeFetch(url, FETCH_LIMITS, signal, { mayConnectTo, ...(lookup && { lookup }) }),
    ),
  )
  if (files.reduce((sum, { bytes }) => sum + bytes.byteLength, 0) > MAX_TOGETHER_BYTES) {
    const message = `The reference images are larger than ${MAX_TOGETHER_BYTES} bytes together`
    throw new ProviderError(message, { code: 'references_too_large', kind: 'refused' })
  }
  return files.map(({ bytes, mimeType }) => ({ mimeType, data: Buffer.from(bytes).toString('base64') }))
}

function isData(url: string): boolean {
  return url.startsWith('data:')
}

async function decode(dataUrl: string): Promise<FetchedFile> {
  const bytes = Buffer.from(dataUrl.slice(dataUrl.indexOf(',') + 1), 'base64')
  const type = await fileTypeFromBuffer(bytes)
  if (!type?.mime.startsWith('image/')) {
    const message = `A reference image is ${type?.mime ?? 'of no known type'}`
    throw new ProviderError(message, { code: 'reference_not_an_image', kind: 'refused' })
  }
  return { bytes, mimeType: type.mime }
}
