import { imageSize as readImageSize } from 'image-size'
import { ProviderError } from '../../provider-kit/provider/errors.js'
import type { ImageRequest, ImageResult } from './schemas.js'

type Measured = Pick<ImageResult['images'][number], 'width' | 'height' | 'asRequested' | 'mismatch'>

/** Models work in steps of some pixels: a deviation of this share from the requested ratio is accepted. */
const RATIO_TOLERANCE = 0.03
/** The sizes differ by a factor of two, and a model's images of one size by some per cent, depending on the ratio. */
const SIZE_TOLERANCE = 0.25
/** The side of a square of that size, in pixels. */
const SIDES = { '1K': 1024, '2K': 2048, '4K': 4096 }

/**
 * Measures an image, and compares it with the request, which models do not always follow.
 *
 * @throws ProviderError `not_an_image` if the bytes are no image
 */
export function measure(bytes: Uint8Array, { aspectRatio, imageSize }: ImageRequest): Measured {
  const { width, height } = pixelsOf(bytes)
  if (!aspectRatio && !imageSize) return { width, height }
  const mismatch: Measured['mismatch'] = []
  if (aspectRatio) {
    const [across = 1, down = 1] = aspectRatio.split(':').map(Number)
    if (!isWithin(RATIO_TOLERANCE, width / height, across / down)) mismatch.push('aspectRatio')
  }
  if (imageSize && !isWithin(SIZE_TOLERANCE, Math.sqrt(width * height), SIDES[imageSize])) mismatch.push('imageSize')
  return { width, height, asRequested: mismatch.length === 0, ...(mismatch.length > 0 && { mismatch }) }
}

function pixelsOf(bytes: Uint8Array): { width: number; height: number } {
  try {
    return readImageSize(bytes)
  } catch (cause) {
    const message = `The provider's image (${bytes.length} bytes) is none that can be read`
    // It is paid for. An operator has to decide whether to pay again.
    throw new ProviderError(message, { code: 'not_an_image', kind: 'refused', cause })
  }
}

function isWithin(tolerance: number, found: number, wanted: number): boolean {
  return Math.abs(found / wanted - 1) <= tolerance
}
