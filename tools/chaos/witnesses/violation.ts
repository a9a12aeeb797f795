/** A violation: something that must never happen, and where it is visible. */
export interface Violation {
  /** The field of the run's summary that counts it. */
  counts: 'lost' | 'duplicateStarts' | 'duplicateProviderCreates' | 'staleWritesAccepted'
  /** Such as `video 17`. */
  task: string
  what: string
}
