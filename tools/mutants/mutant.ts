/** A mutant: the product without one rule, and the tests that have to notice. */
export interface Mutant {
  name: string
  /** Path in the repository. */
  file: string
  /** The text to replace, which must occur in the file exactly once. */
  from: string
  to: string
  tests: string[]
  /** Seconds within which an assertion must fail. Default 10. */
  seconds?: number
}
