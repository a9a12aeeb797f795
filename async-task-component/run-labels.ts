/**
 * What an attempt's run is called in Temporal: a summary and a memo; and search attributes, of those that the server has
 * registered (`async-task search-attributes --register`), or none.
 */
import { defineSearchAttributeKey, type SearchAttributePair } from '@temporalio/common'
import type { BoundedTemporal } from './bounded-temporal.js'
import { describeError } from './errors.js'
import type { Logger } from './logger.js'

export interface NamedRun {
  /** The integration's namespace. */
  integration: string
  /** The task's public id. */
  taskId: string
  attempt: number
}

const KEYS = {
  integration: defineSearchAttributeKey('AsyncTaskIntegration', 'KEYWORD'),
  taskId: defineSearchAttributeKey('AsyncTaskId', 'KEYWORD'),
  attempt: defineSearchAttributeKey('AsyncTaskAttempt', 'INT'),
} as const

/** The search attributes by name, with their types as Temporal's API numbers them. */
export const RUN_ATTRIBUTES: Readonly<Record<string, number>> = {
  [KEYS.integration.name]: 2,
  [KEYS.taskId.name]: 2,
  [KEYS.attempt.name]: 3,
}

/** How long it counts which are registered, and that nobody could tell. */
const KNOWN_FOR_MS = 10 * 60_000
const UNKNOWN_FOR_MS = 60_000

export class RunLabels {
  #registered: Promise<ReadonlySet<string>> | null = null
  #askedAt = 0

  constructor(
    private readonly temporal: BoundedTemporal,
    private readonly logger: Logger,
  ) {}

  /** Options for `client.workflow.start`. */
  async of(run: NamedRun, signal: AbortSignal) {
    const { integration, taskId, attempt } = run
    if (performance.now() - this.#askedAt > KNOWN_FOR_MS) this.#registered = null
    this.#registered ??= this.#ask(signal)
    const registered = await this.#registered
    const all: SearchAttributePair[] = [
      { key: KEYS.integration, value: integration },
      { key: KEYS.taskId, value: taskId },
      { key: KEYS.attempt, value: attempt },
    ]
    const typedSearchAttributes = all.filter(({ key }) => registered.has(key.name))
    return {
      staticSummary: `${integration}: task ${taskId}, attempt ${attempt}`,
      memo: { integration, taskId, attempt },
      ...(typedSearchAttributes.length > 0 && { typedSearchAttributes }),
    }
  }

  /** Temporal has refused some: it may not have them any more. None are sent until it is asked again. */
  forgetAttributes(): void {
    this.#registered = Promise.resolve(new Set())
    this.#askedAt = performance.now()
  }

  async #ask(signal: AbortSignal): Promise<ReadonlySet<string>> {
    this.#askedAt = performance.now()
    try {
      const registered = await registeredAttributes(this.temporal, signal)
      const names = Object.entries(RUN_ATTRIBUTES).filter(([name, type]) => registered[name] === type)
      return new Set(names.map(([name]) => name))
    } catch (error) {
      this.#askedAt += UNKNOWN_FOR_MS - KNOWN_FOR_MS
      this.logger.debug(`runs get no search attributes for now: ${describeError(error)}`)
      return new Set()
    }
  }
}

/** The namespace's own search attributes: the type of each, by name. */
export async function registeredAttributes(
  temporal: BoundedTemporal,
  signal: AbortSignal,
): Promise<Readonly<Record<string, number>>> {
  const { namespace } = temporal
  const listed = await temporal.callOperator(signal, (operator) => operator.listSearchAttributes({ namespace }))
  return listed.customAttributes ?? {}
}
