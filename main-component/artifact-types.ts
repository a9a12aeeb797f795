/** How a stored result is shown: by its extension, which was chosen by its bytes. */
import { getMimeType } from 'hono/utils/mime'

/** What the web framework's own list lacks of what providers make. */
const MORE: Record<string, string> = {
  wav: 'audio/wav',
  ogg: 'audio/ogg',
  flac: 'audio/flac',
  m4a: 'audio/x-m4a',
  mov: 'video/quicktime',
  heic: 'image/heic',
}
const SHOWN = /^((image|audio|video)\/(?!svg)|application\/(pdf|json)|text\/plain)/

export function typeOfArtifact(key: string): string {
  const extension = key.slice(key.lastIndexOf('.') + 1).toLowerCase()
  return MORE[extension] ?? getMimeType(key) ?? 'application/octet-stream'
}

/** Whether a browser shows it; all else, what nobody knows too, is for it to save. */
export function isShown(key: string): boolean {
  return SHOWN.test(typeOfArtifact(key))
}
