/** Looks at an attempt's run, and turns what it sees into a verdict. */
import { type Client, type Connection, WorkflowFailedError, WorkflowNotFoundError } from '@temporalio/client'
import { z } from 'zod'
import type { TaskError } from '../integrations/shared/protocol/types.js'
import { taskErrorSchema } from '../integrations/shared/wire.js'
import { describeError } from './errors.js'
import { bounded } from './temporal-connection.js'

/** How a closed run's attempt ended, in the words of a report. */
export type RunVerdict =
  | { status: 'completed'; result: unknown }
  | { status: 'failed'; error: TaskError; retryable: boolean; retryAfterSeconds?: number; providerEnded?: boolean }

export type RunView =
  | { state: 'running' }
  | { state: 'closed'; verdict: RunVerdict }
  /** Main did not let the run begin: it did nothing, and says nothing about the task. */
  | { state: 'refused'; reason: string }
  | { state: 'none' }
  /** Temporal did not answer, or has no such namespace: nothing may be concluded. */
  | { state: 'unknown'; cause: unknown }

/** An AttemptOutcome as it comes out of Temporal. */
const attemptOutcomeSchema = z.discriminatedUnion('outcome', [
  z.object({ outcome: z.literal('completed'), attempt: z.number(), result: z.unknown() }),
  z.object({
    outcome: z.literal('failed'),
    attempt: z.number(),
    error: taskErrorSchema,
    retryable: z.boolean(),
    retryAfterSeconds: z.number().optional(),
    providerEnded: z.boolean().optional(),
  }),
  z.object({ outcome: z.literal('refused'), attempt: z.number(), reason: z.string() }),
])

const UNSUCCESSFUL = {
  FAILED: { code: 'workflow_failed', message: 'The workflow failed' },
  TERMINATED: { code: 'workflow_terminated', message: 'The workflow was terminated' },
  TIMED_OUT: { code: 'workflow_timed_out', message: 'The workflow timed out' },
  CANCELLED: { code: 'workflow_cancelled', message: 'The workflow was cancelled' },
} as const

const MAX_MESSAGE_LENGTH = 4000

export class RunInspector {
  readonly #client: Client
  readonly #connection: Connection
  readonly #timeoutMs: number

  constructor({ client, connection, timeoutMs }: { client: Client; connection: Connection; timeoutMs: number }) {
    this.#client = client
    this.#connection = connection
    this.#timeoutMs = timeoutMs
  }

  /** What became of the workflow with this id. Never throws: not knowing is an answer. */
  async inspect(workflowId: string, signal: AbortSignal): Promise<RunView> {
    try {
      const description = await this.#ask(signal, () => this.#client.workflow.getHandle(workflowId).describe())
      const status = description.status.name
      if (status === 'COMPLETED') return await this.#outcome(workflowId, signal)
      if (isUnsuccessful(status)) return await this.#failure(workflowId, status, signal)
      return { state: 'running' }
    } catch (cause) {
      // The namespace's absence has an error class of its own, and is not this.
      if (cause instanceof WorkflowNotFoundError) return { state: 'none' }
      return { state: 'unknown', cause }
    }
  }

  async #outcome(workflowId: string, signal: AbortSignal): Promise<RunView> {
    const returned = await this.#ask(signal, () => this.#client.workflow.getHandle(workflowId).result())
    const parsed = attemptOutcomeSchema.safeParse(returned)
    if (!parsed.success) {
      // It ran to its end and may have spent money: running it again is for a person to decide.
      const message = `The workflow returned something other than an attempt's outcome: ${z.prettifyError(parsed.error)}`
      return failed({ code: 'workflow_outcome_invalid', message }, false)
    }
    const outcome = parsed.data
    if (outcome.outcome === 'refused') return { state: 'refused', reason: outcome.reason }
    if (outcome.outcome === 'completed') {
      return { state: 'closed', verdict: { status: 'completed', result: outcome.result } }
    }
    const { error, retryable, retryAfterSeconds, providerEnded } = outcome
    return {
      state: 'closed',
      verdict: {
        status: 'failed',
        error,
        retryable,
        ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
        ...(providerEnded !== undefined && { providerEnded }),
      },
    }
  }

  async #failure(workflowId: string, status: keyof typeof UNSUCCESSFUL, signal: AbortSignal): Promise<RunView> {
    const { code, message } = UNSUCCESSFUL[status]
    try {
      await this.#ask(signal, () => this.#client.workflow.getHandle(workflowId).result())
    } catch (error) {
      if (!(error instanceof WorkflowFailedError)) return { state: 'unknown', cause: error }
      return failed({ code, message: `${message}: ${describeError(error.cause ?? error)}` }, true)
    }
    return { state: 'unknown', cause: new Error(`Workflow ${workflowId} was ${status} and now has a result`) }
  }

  #ask<T>(signal: AbortSignal, call: () => Promise<T>): Promise<T> {
    return bounded(this.#connection, { timeoutMs: this.#timeoutMs, signal }, call)
  }
}

function isUnsuccessful(status: string): status is keyof typeof UNSUCCESSFUL {
  return status in UNSUCCESSFUL
}

function failed({ code, message }: TaskError, retryable: boolean): RunView {
  const error = { code, message: message.slice(0, MAX_MESSAGE_LENGTH) }
  return { state: 'closed', verdict: { status: 'failed', error, retryable } }
}
