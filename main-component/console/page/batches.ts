/** One act on all tasks that a filter finds, batch by batch: in the page, and in the command line. */

/** What became of tasks. */
export interface Report {
  done: number
  /** By reason, in words. */
  refused: Record<string, number>
}

/** Small enough that one is answered soon, and progress is seen. */
const BATCH = 50

/** @param act does a batch, from where the one before has ended */
export async function* inBatches<Answer extends Report & { next: string | null }>(
  act: (batch: { limit: number; after?: string }) => Promise<Answer>,
): AsyncGenerator<Answer> {
  let after: string | null | undefined
  do {
    const answer = await act({ limit: BATCH, ...(after && { after }) })
    yield answer
    after = answer.next
  } while (after !== null)
}

export function add(report: Report, { done, refused }: Report): void {
  report.done += done
  for (const [why, number] of Object.entries(refused)) report.refused[why] = (report.refused[why] ?? 0) + number
}

/** Of so many that were counted before, those that were not found again, in words; empty if there are none. */
export function leftAlone({ done, refused }: Report, found: number): string {
  const missing = found - Object.values(refused).reduce((sum, number) => sum + number, done)
  return missing > 0 ? `${missing} left alone: the filters find them no more, as they have moved on meanwhile` : ''
}
