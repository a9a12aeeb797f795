/** A simulator's latency. */
import { chance } from './chance.js'

export interface LatencyOptions {
  /** The latency of one creation, in milliseconds. Default: 3000. */
  latencyMs?: number
  /** Instead of `latencyMs`: the provider's usual latency times this factor. */
  latencyScale?: number
}

/** A provider's usual latency for the usual size, in milliseconds. */
export interface RealisticLatency {
  shortest: number
  longest: number
}

const DEFAULT_LATENCY_MS = 3000

/** @returns a function that gives the milliseconds for `units` times the usual size */
export function createLatency(
  { latencyMs = DEFAULT_LATENCY_MS, latencyScale }: LatencyOptions,
  { shortest, longest }: RealisticLatency,
  seed: number,
): (units?: number) => number {
  if (latencyScale === undefined) return () => latencyMs
  let drawn = 0
  return (units = 1) => units * latencyScale * (shortest + (longest - shortest) * chance(seed, 'latency', drawn++))
}
