/**
 * The vocabulary of the task protocol: a task's row, its events, and decisions. Requests and answers are in
 * `messages.ts`.
 *
 * Times are unix seconds by the database's clock.
 */
import type { Begun, ClaimAnswer, CreateIntent, ProviderTask, TaskError } from './messages.js'

export const TASK_STATUSES = ['pending', 'queued', 'processing', 'completed', 'failed', 'cancelled'] as const
export type TaskStatus = (typeof TASK_STATUSES)[number]

/** Why a run cannot go on for now. */
export interface WaitingFor extends TaskError {
  since: number
  /** When it will retry; null if it did not say. */
  nextTryAt: number | null
}

/**
 * - `usage`: the provider said what was used
 * - `create`: it made something and did not say what for: the price of a create
 * - `ambiguous`: it may have made something, which nobody knows: what that would cost
 */
type ChargeBasis = 'usage' | 'create' | 'ambiguous'

export interface Charge {
  /** The one that asked for it. */
  attempt: number
  /** When it was first counted, unix seconds: corrections count for the same day. */
  at: number
  currency: string
  amount: number
  basis: ChargeBasis
}

/** The part of a task's row that the protocol reads and changes. */
export interface TaskState {
  status: TaskStatus
  /** Attempts that have ended. The current or next one is `attempts + 1`. */
  attempts: number
  attemptLimit: number
  /** False once a failure is final: then only an operator's retry starts another attempt. */
  retryable: boolean
  /** When the row may next be claimed (pending or failed). */
  dueAt: number
  startedAt: number | null
  /** Since when it has its status. Missing in rows that this version has not changed yet. */
  statusSince?: number | undefined
  /** When the lease expires: after that another may take the claim over. */
  leaseExpiresAt: number | null
  fencingToken: string | null
  runId: string | null
  /** How the current claim came about, so that the same claim, sent again, gets the same answer. */
  claim: { takeOver: boolean; alone: boolean } | null
  /** Take-overs of this attempt that found no run: many of them mean that the task kills its claimers. */
  takeOvers: number
  releases: number
  providerTask: ProviderTask | null
  openIntents: CreateIntent[]
  /** The outcome of each ended attempt, by attempt number. */
  outcomes: Record<string, 'completed' | 'failed'>
  result: unknown
  error: TaskError | null
  /** The row was cancelled while it may have had a run, and nobody has seen that run closed yet. */
  runUnseen: boolean
  checkedAt: number | null
  /** What the run waits for, as it reported. Missing in rows of earlier versions. */
  waitingFor?: WaitingFor | null
  /** What creates cost, by the attempt that asked for them. Missing until one did. */
  charges?: Readonly<Record<string, Charge>>
  /** An operator lets it begin whatever its budget says. */
  letThrough?: boolean
}

/** When a transition happened; a claim's is its `startedAt`. Missing in events of earlier versions. */
interface Dated {
  at?: number
}

/** What the end of an attempt makes known of costs. Missing if nothing, and in events of earlier versions. */
interface Charged {
  charges?: Charge[]
}

/** A fact about one task. Only events change a row, and they are only appended; `checked` is only noted on the row. */
export type TaskEvent = { attempt: number } & (
  | {
      type: 'queued'
      fencingToken: string
      startedAt: number
      leaseExpiresAt: number
      takeOver: boolean
      alone: boolean
      /** Adopted without a claim: a run whose claim was released or lost has reported. */
      adopted: boolean
      /** The batch that it was claimed in. */
      claimId?: string
    }
  | { type: 'begun'; runId: string; fencingToken: string; leaseExpiresAt: number; intent: CreateIntent | null }
  | ({
      type: 'processing'
      runId: string | null
      fencingToken: string
      /** Settles every create intent. Without it they stay open: the provider may only just have been asked. */
      providerTask: ProviderTask | null
      /** Opens an intent if the row does not know that the run began: a restore may have lost it. */
      intent?: CreateIntent
    } & Dated)
  | { type: 'waiting'; runId: string; waitingFor: WaitingFor }
  | { type: 'resumed'; runId: string }
  | ({ type: 'completed'; runId: string | null; fencingToken: string; result: unknown } & Dated & Charged)
  | ({
      type: 'failed'
      runId: string | null
      fencingToken: string
      error: TaskError
      retryable: boolean
      dueAt: number
      providerEnded: boolean
      /** Opens an intent if a run failed that the row does not know to have begun: a restore may have lost it. */
      intent: CreateIntent | null
    } & Dated &
      Charged)
  | ({ type: 'released'; fencingToken: string; dueAt: number } & Dated)
  | { type: 'checked'; checkedAt: number; leaseExpiresAt: number | null }
  | ({ type: 'cancelled'; fencingToken: string; by: string; reason: string | null } & Dated & Charged)
  | ({ type: 'letThrough'; by: string; reason: string } & Dated)
  | { type: 'runClosed'; checkedAt: number }
  | { type: 'retried'; attemptLimit: number; dueAt: number; by: string }
  | { type: 'restored'; attempts: number; openIntents: CreateIntent[] }
)

export type TaskEventType = TaskEvent['type']

/** Why no more tasks may join those in flight; take-overs are in flight already. */
export type NoPlace = 'at_capacity' | 'user_at_capacity' | 'over_budget' | 'user_over_budget' | 'paused'

export type RefusalReason =
  | NoPlace
  | 'other_task'
  | 'wrong_status'
  | 'not_due'
  | 'attempts_used_up'
  | 'lease_held'
  | 'claim_alone'
  | 'poisonous'
  | 'wrong_attempt'
  | 'other_run'
  | 'stale_token'
  | 'other_provider_task'

export interface Acceptance {
  ok: true
  claim?: ClaimAnswer
  begin?: Begun
}

export interface Refusal {
  ok: false
  reason: RefusalReason
  error: string
}

export interface Decision {
  events: TaskEvent[]
  answer: Acceptance | Refusal
}
