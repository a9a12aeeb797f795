/** Detects what stored bytes are, whatever their sender says. */
import { readFile } from 'node:fs/promises'
import { fileTypeFromBuffer } from 'file-type'
import { jsonOf } from '../lib/json.js'

export interface MediaType {
  mimeType: string
  extension: string
}

/** Larger files are not read completely to see whether they are JSON. */
const MAX_JSON_BYTES = 1024 ** 2
const UNKNOWN: MediaType = { mimeType: 'application/octet-stream', extension: 'bin' }

/**
 * The type of a file. Text is either JSON or plain text; other kinds (HTML, say) count as plain text.
 *
 * @param head the file's beginning
 */
export async function mediaTypeOf(head: Uint8Array, path: string, bytes: number): Promise<MediaType> {
  const known = await fileTypeFromBuffer(head)
  if (known) return { mimeType: known.mime, extension: known.ext }
  if (bytes === 0 || !isText(head, bytes > head.length)) return UNKNOWN
  const mayBeJson = bytes <= MAX_JSON_BYTES && /^\s*[[{"\d-]/.test(new TextDecoder().decode(head.subarray(0, 100)))
  const isJson = mayBeJson && jsonOf(await readFile(path, 'utf8')) !== undefined
  if (isJson) return { mimeType: 'application/json', extension: 'json' }
  return { mimeType: 'text/plain', extension: 'txt' }
}

/** UTF-8 without control characters. The last character may be truncated. */
function isText(head: Uint8Array, isCut: boolean): boolean {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: isCut })
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
    return !/[\u0000-\u0008\u000e-\u001f]/.test(text)
  } catch {
    return false
  }
}
