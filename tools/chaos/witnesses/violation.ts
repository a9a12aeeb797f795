/** Something that must never happen, and where it can be seen. */
export interface Violation {
  /** The field of the run's summary that counts it. */
  counts: 'lost' | 'duplicateStarts' | 'duplicateProviderCreates' | 'staleWritesAccepted'
  /** As `video 17`. */
  task: string
  what: string
}
