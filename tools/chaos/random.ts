/** Reproducible random numbers: the same seed gives the same numbers. */
export interface Random {
  /** In [0, 1). */
  next(): number
  /** A whole number, both ends included. */
  between(low: number, high: number): number
  pick<T>(items: readonly T[]): T
  /** A shuffled copy. */
  shuffled<T>(items: readonly T[]): T[]
}

/** Mulberry32. `stream` separates the uses of one seed, so that an extra number here changes nothing there. */
export function seededRandom(seed: number, stream: string): Random {
  let state = seed >>> 0
  for (const character of stream) state = Math.imul(state ^ character.charCodeAt(0), 0x9e3779b1) >>> 0

  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const between = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1))
  const pick = <T>(items: readonly T[]): T => {
    if (items.length === 0) throw new RangeError('There is nothing to pick from')
    return items[between(0, items.length - 1)] as T
  }
  const shuffled = <T>(items: readonly T[]): T[] => {
    const left = [...items]
    return items.map(() => left.splice(between(0, left.length - 1), 1)[0] as T)
  }
  return { next, between, pick, shuffled }
}
