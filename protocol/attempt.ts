/**
 * What the task processor, a workflow and the reconciler pass to each other. Types only: workflow code imports this
 * file.
 */
import type { Failure, ProviderTask, Usage } from './messages.js'

/** A task of one integration as user code sees it; `Params` is inferred from the integration's request schema. */
export interface APICall<Params = unknown> {
  id: string
  taskKey: string
  status: string
  attempts: number
  startedAt: number | null
  createdAt: number
  requestParams: Params
}

/** What `buildWorkflowParams` gives. */
export interface WorkflowParams<Params = unknown> {
  apiCallId: string
  requestParams: Params
  /** The full URL of the integration's report API. */
  callbackUrl: string
}

/** A workflow's argument: what `buildWorkflowParams` made of the task, and the attempt. */
export interface AttemptInput<Params = unknown> extends WorkflowParams<Params> {
  taskKey: string
  attempt: number
  /** Set if the run continued as new. */
  continued?: Continued
}

/** An attempt's progress when its run continued as new. Times are unix milliseconds. */
export interface Continued {
  /** When the attempt began to wait. */
  since: number
  /** How often in a row the provider has said "not now". */
  refusals?: number
  /** How many creates got no answer. Set only once it is certain that earlier attempts left nothing to resume. */
  lostCreates?: number
  /** Whether the last of them is being looked up. */
  lookingUp?: boolean
  /** The end of the lookup window: only then is it believed that a list, or a task's record, has nothing. */
  settling?: { what: 'list' | 'record'; at: number }
  /** The provider task it waits for, already reported to main. */
  providerTask?: ProviderTask
}

/**
 * How an attempt's run ended: a success as the workflow's return value, anything else in the details of its failure, so
 * that Temporal shows it as failed. `refused`: main did not let the run begin, or go on.
 */
export type AttemptOutcome<Result = unknown> =
  | { outcome: 'completed'; attempt: number; result: Result; usage?: Usage | undefined }
  | ({ outcome: 'failed'; attempt: number } & Failure)
  | { outcome: 'refused'; attempt: number; reason: string }

export type Unsuccessful = Exclude<AttemptOutcome, { outcome: 'completed' }>
