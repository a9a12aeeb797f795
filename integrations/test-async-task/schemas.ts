import { z } from 'zod'

const milliseconds = z.int().min(0).max(3_600_000)

/** A task without a provider, to exercise the whole path. `kind` decides which fields are used. */
export const testTaskRequestSchema = z.strictObject({
  /** Which of the four workflows to run. */
  kind: z.enum(['simple', 'delayed', 'multiStep', 'longRunning']).default('simple'),
  /** Returned in the result. */
  message: z.string().max(1000).optional(),
  /** delayed: how long to sleep before the work. Default 1000. */
  delayMs: milliseconds.optional(),
  /** multiStep: the steps, done in order. Default `prepare, process, finish`. */
  steps: z.array(z.string().min(1).max(100)).min(1).max(20).optional(),
  /** multiStep: how often each step fails before it succeeds. Default 0. */
  failures: z.int().min(0).max(10).optional(),
  /** longRunning: how long the work takes. Default 2000. */
  durationMs: milliseconds.optional(),
})

export const testTaskResultSchema = z.strictObject({
  success: z.literal(true),
  message: z.string().optional(),
  /** What was done, in order. */
  steps: z.array(z.string()),
})

export type TestTaskRequest = z.output<typeof testTaskRequestSchema>
export type TestTaskResult = z.output<typeof testTaskResultSchema>
