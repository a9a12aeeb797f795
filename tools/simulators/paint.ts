/** Makes a picture from a prompt and reference images. */
import { seedOf } from '../../simulator/chance.js'
import { blend, decodePng, drawPicture, enlarge, type Picture } from './picture.js'

/** The longer side of a drawing. Larger pictures are enlarged, because drawing takes time for each pixel. */
const MAX_DRAWN = 512

export interface Size {
  width: number
  height: number
}

/** A PNG reference is blended in; the bytes of any other reference determine the colours. */
export function paint(prompt: string, references: readonly Uint8Array[], { width, height }: Size): Picture {
  const pictures = references.flatMap((bytes) => decodePng(bytes) ?? [])
  const seed = references.reduce((sum, bytes) => (sum ^ seedOf(bytes)) >>> 0, seedOf(prompt))
  const scale = Math.min(1, MAX_DRAWN / Math.max(width, height))
  const drawn = drawPicture(Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale)), seed)
  return enlarge(pictures.reduce(blend, drawn), width, height)
}

/** The requested ratio, such as `16:9`; else that of the first decodable reference; else a square. */
export function ratioOf(asked: string | undefined, references: readonly Uint8Array[]): number {
  if (asked !== undefined) {
    const [across = 1, down = 1] = asked.split(':').map(Number)
    return across / down
  }
  const reference = references.flatMap((bytes) => decodePng(bytes) ?? [])[0]
  return reference ? reference.width / reference.height : 1
}

/** A ratio that differs from this one. */
export function otherRatio(ratio: number): number {
  return Math.abs(ratio - 1) < 0.1 ? 16 / 9 : 1
}
