/** A provider's polled task, as a workflow sees it. Workflow code imports this file. */

import type { Units } from '../../protocol/messages.js'

/** Time-out for reading a whole list; each of its pages has a request's own time-out. */
export const LISTING_TIMEOUT_MS = 30 * 60_000

/** `gone`: the provider does not know the task any more. */
export type ProviderTaskStatus = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled' | 'expired' | 'gone'

export interface ProviderTaskState {
  status: ProviderTaskStatus
  error?: { code: string; message: string }
  /** Whether another try may succeed after a failure. Default: false. */
  retryable?: boolean
  /** What it is charged for, once it has ended and if the provider says. */
  units?: Units
}

/** The part of its worker's configuration that a workflow needs. */
export interface ProviderSettings {
  /** The attempt's deadline. */
  deadlineSeconds: number
  /** The time-out of one request. */
  requestTimeoutMs: number
}

/** For a provider that is polled. */
export interface ProviderTaskSettings extends ProviderSettings {
  /** Time from a task's creation to its first poll. */
  firstPollSeconds: number
  /** The shortest pause between two polls. */
  pollSeconds: number
  /** The longest: pauses grow while a task lasts, with jitter, so that tasks are not polled all at once. */
  maxPollSeconds: number
  /** How long after its sender has given it up a create may still arrive. */
  settleSeconds: number
}
