/** The simulators' pictures: colour fields and a moving disc, derived from a seed. */
import { PNG } from 'pngjs'

export interface Picture {
  width: number
  height: number
  /** RGBA, row by row. */
  data: Uint8Array
}

/** @param time the phase of the moving parts, in turns: 0 and 1 look alike */
export function drawPicture(width: number, height: number, seed: number, time = 0): Picture {
  const data = new Uint8Array(width * height * 4)
  const turn = time * 2 * Math.PI
  const phases = [seed & 255, (seed >> 8) & 255, (seed >> 16) & 255].map((byte) => (byte / 255) * 2 * Math.PI)
  const waves = 1 + ((seed >>> 24) & 3)
  const disc = {
    x: width * (0.5 + 0.3 * Math.cos(turn + (phases[0] ?? 0))),
    y: height * (0.5 + 0.3 * Math.sin(turn + (phases[0] ?? 0))),
    radius: Math.min(width, height) * 0.15,
  }
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i += 4) {
      const across = (x / width) * Math.PI * waves
      const down = (y / height) * Math.PI * waves
      const inDisc = (x - disc.x) ** 2 + (y - disc.y) ** 2 < disc.radius ** 2
      for (let channel = 0; channel < 3; channel++) {
        const wave = Math.sin(across + down * (channel - 1) + turn + (phases[channel] ?? 0))
        data[i + channel] = inDisc ? 255 - (128 + 100 * wave) / 2 : 128 + 100 * wave
      }
      data[i + 3] = 255
    }
  }
  return { width, height, data }
}

/** Blends the picture with another one, which is stretched to its size. */
export function blend(picture: Picture, other: Picture): Picture {
  const data = new Uint8Array(picture.data)
  for (let y = 0, i = 0; y < picture.height; y++) {
    const otherY = Math.floor((y * other.height) / picture.height)
    for (let x = 0; x < picture.width; x++, i += 4) {
      const j = (otherY * other.width + Math.floor((x * other.width) / picture.width)) * 4
      for (let channel = 0; channel < 3; channel++) {
        data[i + channel] = ((data[i + channel] ?? 0) + (other.data[j + channel] ?? 0)) / 2
      }
    }
  }
  return { ...picture, data }
}

/** Enlarges a picture by repeating pixels. */
export function enlarge(picture: Picture, width: number, height: number): Picture {
  if (picture.width === width && picture.height === height) return picture
  const from = new Uint32Array(picture.data.buffer, picture.data.byteOffset, picture.width * picture.height)
  const to = new Uint32Array(width * height)
  for (let y = 0, i = 0; y < height; y++) {
    const row = Math.floor((y * picture.height) / height) * picture.width
    for (let x = 0; x < width; x++, i++) to[i] = from[row + Math.floor((x * picture.width) / width)] ?? 0
  }
  return { width, height, data: new Uint8Array(to.buffer) }
}

export function encodePng({ width, height, data }: Picture): Buffer {
  const png = new PNG({ width, height })
  png.data.set(data)
  return PNG.sync.write(png, { filterType: 4 })
}

/** Undefined if the bytes are no readable PNG. */
export function decodePng(bytes: Uint8Array): Picture | undefined {
  try {
    const { width, height, data } = PNG.sync.read(Buffer.from(bytes))
    return { width, height, data }
  } catch {
    return undefined
  }
}
