/** How pauses grow while something keeps failing. Times are in whatever unit the owner counts. */
export interface Backoff {
  /** The pause after the first failure. */
  first: number
  /** What pauses grow to, before jitter. */
  max: number
  /** By how much each pause is longer than the one before, at least 1. Default: 2. */
  factor?: number
  /** Default: none. */
  jitter?: Jitter
}

/**
 * Chance multiplies a pause by a number between these two, so that what failed together does not come back together.
 */
export type Jitter = readonly [least: number, most: number]

/** A fifth less or more. */
export const BY_A_FIFTH: Jitter = [0.8, 1.2]
/** The pause, or as little as half of it. */
export const UPPER_HALF: Jitter = [0.5, 1]

/**
 * The pause after so many failures in a row. Pure, but for the chance that it is given.
 *
 * @param failures at least 1
 * @param random in [0, 1); asked only where there is jitter
 */
export function backoff(
  { first, max, factor = 2, jitter }: Backoff,
  failures: number,
  random: () => number = Math.random,
): number {
  // Bounded, as no pause grows any more by then, and zero times infinity is no number.
  const pause = Math.min(max, first * factor ** Math.min(failures - 1, 100))
  return jitter ? jittered(pause, jitter, random) : pause
}

/** A pause that chance shortens or lengthens. */
export function jittered(pause: number, [least, most]: Jitter, random: () => number = Math.random): number {
  const chance = random()
  return pause * (least * (1 - chance) + most * chance)
}
