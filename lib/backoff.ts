/** Back-off: how pauses grow while something keeps failing. The caller chooses the unit of time. */
export interface Backoff {
  /** The pause after the first failure. */
  first: number
  /** The longest pause, before jitter. */
  max: number
  /** The factor from one pause to the next, at least 1. Default: 2. */
  factor?: number
  /** Default: none. */
  jitter?: Jitter
}

/** Jitter multiplies a pause by a random number between these two, so that not all clients retry together. */
export type Jitter = readonly [least: number, most: number]

/** A fifth less or more. */
export const BY_A_FIFTH: Jitter = [0.8, 1.2]
/** Between half the pause and all of it. */
export const UPPER_HALF: Jitter = [0.5, 1]

/**
 * The pause after this many failures in a row. Pure, except for `random`.
 *
 * @param failures at least 1
 * @param random in [0, 1); called only if there is jitter
 */
export function backoff(
  { first, max, factor = 2, jitter }: Backoff,
  failures: number,
  random: () => number = Math.random,
): number {
  // The exponent is bounded: the pause does not grow any more by then, and zero times infinity is NaN.
  const pause = Math.min(max, first * factor ** Math.min(failures - 1, 100))
  return jitter ? jittered(pause, jitter, random) : pause
}

/** A pause with jitter. */
export function jittered(pause: number, [least, most]: Jitter, random: () => number = Math.random): number {
  const chance = random()
  return pause * (least * (1 - chance) + most * chance)
}
