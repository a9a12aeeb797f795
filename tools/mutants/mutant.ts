/** A rule of the product, as the code would read without it, and the tests that have to notice. */
export interface Mutant {
  name: string
  /** Of the repository. */
  file: string
  /** Is found in the file exactly once. */
  from: string
  to: string
  tests: string[]
  /** What a test may take until it says what is wrong. Default 10. */
  seconds?: number
}
