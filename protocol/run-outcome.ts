/**
 * Reads an attempt's outcome from what Temporal has of its run. A run returns a success; a failed one fails with the
 * outcome in its failure's details, or, if it began with an earlier version, returns that too.
 */
import { z } from 'zod'
import { failureFields } from './messages.js'

/** Main itself refuses a pause that is too long. */
export const attemptOutcomeSchema = z.discriminatedUnion('outcome', [
  z.object({
    outcome: z.literal('completed'),
    attempt: z.number(),
    result: z.unknown(),
    usage: failureFields.usage,
  }),
  z.object({
    outcome: z.literal('failed'),
    attempt: z.number(),
    ...failureFields,
    retryAfterSeconds: z.number().optional(),
  }),
  z.object({ outcome: z.literal('refused'), attempt: z.number(), reason: z.string() }),
])

/** The outcome in a failed run's failure; undefined if the run did not end in order. */
export function outcomeInFailure(failure: unknown) {
  const details = failure instanceof Error && 'details' in failure ? failure.details : undefined
  const { data } = attemptOutcomeSchema.safeParse(Array.isArray(details) ? details[0] : undefined)
  return data?.outcome === 'completed' ? undefined : data
}

/** Of a run that Temporal shows as cancelled, which has no room for details. */
export const RUN_CANCELLED = { error: { code: 'cancelled', message: 'The run was cancelled' }, retryable: false }
