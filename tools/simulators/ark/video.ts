import { setImmediate } from 'node:timers/promises'
import h264 from 'h264-mp4-encoder'
import { drawPicture, type Picture } from '../picture.js'

export const FRAMES_PER_SECOND = 8
/** The shorter side. A small picture is encoded quickly, and is sufficient. */
const SIDE = 180
/** The number of different videos; more would only take longer to encode. */
const LOOKS = 16
const MAX_CACHED = 64

const cache = new Map<string, Promise<Uint8Array>>()

export interface VideoSpec {
  /** Such as `16:9`. */
  ratio: string
  frames: number
  seed: number
}

/** Encodes an MP4 with these dimensions; caches it. */
export function renderVideo({ ratio, frames, seed }: VideoSpec): Promise<Uint8Array> {
  const look = seed % LOOKS
  const key = `${ratio} ${frames} ${look}`
  const known = cache.get(key)
  if (known) return known
  const video = encode({ ratio, frames, seed: look })
  const [oldest] = cache.keys()
  if (cache.size >= MAX_CACHED && oldest !== undefined) cache.delete(oldest)
  cache.set(key, video)
  return video
}

export function renderLastFrame(video: VideoSpec): Picture {
  return renderFrame(video, video.frames - 1)
}

function renderFrame({ ratio, frames, seed }: VideoSpec, frame: number): Picture {
  const { width, height } = pixels(ratio)
  return drawPicture(width, height, ((seed % LOOKS) + 1) * 0x0f1e2d3b, frame / frames)
}

async function encode(spec: VideoSpec): Promise<Uint8Array> {
  const encoder = await h264.createH264MP4Encoder()
  try {
    Object.assign(encoder, {
      ...pixels(spec.ratio),
      frameRate: FRAMES_PER_SECOND,
      quantizationParameter: 33,
      speed: 10,
    })
    encoder.initialize()
    for (let frame = 0; frame < spec.frames; frame++) {
      encoder.addFrameRgba(renderFrame(spec, frame).data)
      // Lets other requests be answered in between.
      await setImmediate()
    }
    encoder.finalize()
    return encoder.FS.readFile(encoder.outputFilename)
  } finally {
    encoder.delete()
  }
}

/** Even numbers, as the codec needs. */
function pixels(ratio: string): { width: number; height: number } {
  const [across = 16, down = 9] = ratio.split(':').map(Number)
  const scale = SIDE / Math.min(across, down)
  return { width: 2 * Math.round((across * scale) / 2), height: 2 * Math.round((down * scale) / 2) }
}
