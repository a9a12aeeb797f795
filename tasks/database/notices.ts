/** What main processes of one database tell each other, so that none has to look for what another did. */

export interface Notices {
  /** Whether it hears what others tell. If not, look instead. */
  readonly hears: boolean
  /** Tells the others, soon. Call it after the commit: a NOTIFY within a transaction makes all commits take turns. */
  tell(topic: string, detail?: string): void
  /**
   * @param heard called for each notice of the others, and without a detail when notices may have been missed, or may
   *   be from now on: then look
   */
  on(topic: string, heard: (detail?: string) => void): void
}

/** For a database that no other process uses, or a driver that cannot listen. */
export const NO_NOTICES: Notices = { hears: false, tell() {}, on() {} }
