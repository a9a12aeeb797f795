/**
 * What passes between the task processor, a workflow and whoever looks at it afterwards. Types only:
 * workflow code imports this file.
 */
import type { Failure, ProviderTask } from './messages.js'

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

/** A workflow's argument: what was built from the task, and which attempt of it this is. */
export interface AttemptInput<Params = unknown> extends WorkflowParams<Params> {
  taskKey: string
  attempt: number
  /** Of a run that continued as new. */
  continued?: Continued
}

/** How far an attempt had come when its run continued as new. Times are unix milliseconds. */
export interface Continued {
  /** Since when the attempt waits. */
  since: number
  /** How often in a row the provider has said "not now". */
  refusals?: number
  /** How many creates got no answer. Not set before it is certain that earlier attempts left nothing to go on with. */
  lostCreates?: number
  /** Whether the last of them is being looked up. */
  lookingUp?: boolean
  /** When it is believed that a list, or a task's record, does not have what it has not. */
  settling?: { what: 'list' | 'record'; at: number }
  /** What it waits for at the provider. Main knows of it. */
  providerTask?: ProviderTask
}

/**
 * How an attempt's run ended, as the workflow's return value. Temporal's COMPLETED says only that the
 * workflow returned: this is the outcome. `refused`: main did not let the run begin, so it spent nothing.
 */
export type AttemptOutcome<Result = unknown> =
  | { outcome: 'completed'; attempt: number; result: Result }
  | ({ outcome: 'failed'; attempt: number } & Failure)
  | { outcome: 'refused'; attempt: number; reason: string }
