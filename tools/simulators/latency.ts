/** How long a simulator takes to make something. */
import { chance } from './chance.js'

export interface LatencyOptions {
  /** How long making something takes, in milliseconds. Default 3000. */
  latencyMs?: number
  /** In place of `latencyMs`: as long as the provider takes, times this; 1 is as in life. */
  latencyScale?: number
}

/** What a provider takes for one thing of the usual size, in milliseconds. */
export interface RealisticLatency {
  shortest: number
  longest: number
}

const DEFAULT_LATENCY_MS = 3000

/** @returns what gives the milliseconds for something `units` times the usual size */
export function createLatency(
  { latencyMs = DEFAULT_LATENCY_MS, latencyScale }: LatencyOptions,
  { shortest, longest }: RealisticLatency,
  seed: number,
): (units?: number) => number {
  if (latencyScale === undefined) return () => latencyMs
  let drawn = 0
  return (units = 1) => units * latencyScale * (shortest + (longest - shortest) * chance(seed, 'latency', drawn++))
}
