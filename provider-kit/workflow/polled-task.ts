/** What a provider's polled task looks like to a workflow, whose code imports this file. */

/** For a list, read to its end; each of its pages has a request's own time-out. */
export const LISTING_TIMEOUT_MS = 30 * 60_000

/** `gone`: the provider does not know the task any more. */
export type ProviderTaskStatus = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled' | 'expired' | 'gone'

export interface ProviderTaskState {
  status: ProviderTaskStatus
  error?: { code: string; message: string }
  /** Whether another try of what failed may succeed. Default: false. */
  retryable?: boolean
}

/** What a workflow needs to know of its worker's configuration. */
export interface ProviderSettings {
  /** How long one attempt may take. */
  deadlineSeconds: number
  /** How long one request may take. */
  requestTimeoutMs: number
}

/** For a provider that is asked again and again how far it is. */
export interface ProviderTaskSettings extends ProviderSettings {
  /** How long after its creation a task is first looked at. */
  firstPollSeconds: number
  /** The shortest pause between two looks. */
  pollSeconds: number
  /** The longest: pauses grow with what is waited for, and vary, so that tasks do not look all at once. */
  maxPollSeconds: number
  /** For how long a create may still arrive after its sender has given it up. */
  settleSeconds: number
}
