import { seedOf } from './picture.js'

/** The n-th random number, in [0, 1), of a seed's stream of that name. */
export function chance(seed: number, stream: string, n: number): number {
  return seedOf(`${seed} ${stream} ${n}`) / 2 ** 32
}
