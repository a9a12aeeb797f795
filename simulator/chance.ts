import { createHash } from 'node:crypto'

/** A number in 0..2^32-1 that stands for a text or for bytes. */
export function seedOf(content: string | Uint8Array): number {
  return createHash('sha256').update(content).digest().readUInt32BE(0)
}

/** The n-th random number, in [0, 1), of a seed's stream of that name. */
export function chance(seed: number, stream: string, n: number): number {
  return seedOf(`${seed} ${stream} ${n}`) / 2 ** 32
}
