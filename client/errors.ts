/** The client's errors, by class. `retryable` says whether a retry may succeed later. */
export class TaskClientError extends Error {
  override readonly name: string = 'TaskClientError'

  constructor(
    readonly code: string,
    message: string,
    readonly retryable: boolean,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

/** Main answered with a refusal. `body` is its answer. */
export class RefusedError extends TaskClientError {
  override readonly name = 'RefusedError'

  constructor(
    message: string,
    readonly status: number,
    readonly body: unknown,
    /** When to retry, in milliseconds. */
    readonly retryAfterMs: number | undefined,
  ) {
    super(`HTTP_${status}`, message, status >= 500 || retryAfterMs !== undefined)
  }
}

/** The task has ended without a result. `code` says why: the last attempt's, or `cancelled`. */
export class TaskEndedError extends TaskClientError {
  override readonly name = 'TaskEndedError'

  constructor(
    readonly taskId: string,
    readonly status: 'failed' | 'cancelled',
    error: { code: string; message: string } | null,
  ) {
    super(error?.code ?? status, error?.message ?? `The task was ${status}`, false)
  }
}
