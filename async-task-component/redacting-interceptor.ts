/** Sits between activities and Temporal, which stores and logs what they return and throw. */
import type { ActivityInterceptorsFactory } from '@temporalio/worker'
import { type Redact, redactThrown, redactValue } from '../lib/redaction.js'

/** Redacts every activity's result and failure, whoever wrote the activity. */
export function redactingInterceptor(redact: Redact): ActivityInterceptorsFactory {
  return () => ({
    inbound: {
      async execute(input, next) {
        try {
          return redactValue(await next(input), redact)
        } catch (error) {
          throw redactThrown(error, redact)
        }
      },
    },
  })
}
