/** The reference images of a request, for a provider that accepts no links. */
import { fileTypeFromBuffer } from 'file-type'
import type { FetchUserFile } from '../../provider-kit/definition/shapes.js'
import { ProviderError } from '../../provider-kit/provider/errors.js'

const MEGABYTE = 1024 ** 2
/** Gemini accepts requests of 20 MB, and base64 makes four bytes of three. */
const MAX_TOGETHER_BYTES = 14 * MEGABYTE
const FETCH_LIMITS = { media: 'image', maxBytes: 7 * MEGABYTE, timeoutMs: 30_000 } as const

export interface InlineImage {
  mimeType: string
  /** Base64. */
  data: string
}

/** Reads the images from data URLs, and fetches those of http(s) URLs safely. */
export async function inlineImages(urls: readonly string[] = [], fetchFile: FetchUserFile): Promise<InlineImage[]> {
  const files = await Promise.all(
    urls.map((url) => (url.startsWith('data:') ? decode(url) : fetchFile(url, FETCH_LIMITS))),
  )
  if (files.reduce((sum, { bytes }) => sum + bytes.byteLength, 0) > MAX_TOGETHER_BYTES) {
    const message = `The reference images are larger than ${MAX_TOGETHER_BYTES} bytes together`
    throw new ProviderError(message, { code: 'references_too_large', kind: 'refused' })
  }
  return files.map(({ bytes, mimeType }) => ({ mimeType, data: Buffer.from(bytes).toString('base64') }))
}

async function decode(dataUrl: string) {
  const bytes = Buffer.from(dataUrl.slice(dataUrl.indexOf(',') + 1), 'base64')
  const type = await fileTypeFromBuffer(bytes)
  if (type?.mime.startsWith('image/')) return { bytes, mimeType: type.mime }
  const message = `A reference image is ${type?.mime ?? 'of no known type'}`
  throw new ProviderError(message, { code: 'reference_not_an_image', kind: 'refused' })
}
