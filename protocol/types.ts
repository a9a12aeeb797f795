/**
 * The words of the task protocol: what a task's row holds, what happened to it, what is decided. What may be asked of
 * it, and what is answered, is in `messages.ts`.
 *
 * Times are unix seconds by the database's clock.
 */
import type { Begun, ClaimAnswer, CreateIntent, ProviderTask, TaskError } from './messages.js'

export const TASK_STATUSES = ['pending', 'queued', 'processing', 'completed', 'failed', 'cancelled'] as const
export type TaskStatus = (typeof TASK_STATUSES)[number]

/** Why a run cannot go on for now. */
export interface WaitingFor extends TaskError {
  since: number
  /** When it means to try again; null where it did not say. */
  nextTryAt: number | null
}

/** The part of a task's row that the protocol reads and moves. */
export interface TaskState {
  status: TaskStatus
  /** Attempts that have ended. The one under way, or the next one, is `attempts + 1`. */
  attempts: number
  attemptLimit: number
  /** False once a failure is final: nothing but an operator's retry starts another attempt. */
  retryable: boolean
  /** When the row may next be claimed (pending or failed). */
  dueAt: number
  startedAt: number | null
  /** Since when it has its status. Missing in rows that no event of this version has moved. */
  statusSince?: number | undefined
  /** Until when the claim may stay `queued` before another may take it over. */
  leaseExpiresAt: number | null
  fencingToken: string | null
  runId: string | null
  /** How the current claim came about; kept so that the same claim, sent again, is answered the same. */
  claim: { takeOver: boolean; alone: boolean } | null
  /** Take-overs of this attempt that found no run: many of them mean that the task kills its claimers. */
  takeOvers: number
  releases: number
  providerTask: ProviderTask | null
  openIntents: CreateIntent[]
  /** How each ended attempt ended, by attempt number. */
  outcomes: Record<string, 'completed' | 'failed'>
  result: unknown
  error: TaskError | null
  /** The row was cancelled while a run may have been under way, and nobody has seen that run closed yet. */
  runUnseen: boolean
  checkedAt: number | null
  /** What the run waits for, by its own account. Missing in rows of earlier versions. */
  waitingFor?: WaitingFor | null
}

/** When a move happened; a claim's is its `startedAt`. Missing in events of earlier versions. */
interface Dated {
  at?: number
}

/** A fact about one task. Events are all that changes a row, and are only ever appended; `checked` is only noted on it. */
export type TaskEvent =
  | {
      type: 'queued'
      attempt: number
      fencingToken: string
      startedAt: number
      leaseExpiresAt: number
      takeOver: boolean
      alone: boolean
      /** Nobody claimed: a run whose claim was released or lost spoke up. */
      adopted: boolean
    }
  | {
      type: 'begun'
      attempt: number
      runId: string
      fencingToken: string
      leaseExpiresAt: number
      intent: CreateIntent | null
    }
  | ({
      type: 'processing'
      attempt: number
      runId: string | null
      fencingToken: string
      /** Accounts for every create intent. Without it they stay open: the provider may only just have been asked. */
      providerTask: ProviderTask | null
      /** Opened where the row does not know the run's begin: a restore may have lost it. */
      intent?: CreateIntent
    } & Dated)
  | { type: 'waiting'; attempt: number; runId: string; waitingFor: WaitingFor }
  | { type: 'resumed'; attempt: number; runId: string }
  | ({ type: 'completed'; attempt: number; runId: string | null; fencingToken: string; result: unknown } & Dated)
  | ({
      type: 'failed'
      attempt: number
      runId: string | null
      fencingToken: string
      error: TaskError
      retryable: boolean
      dueAt: number
      providerEnded: boolean
      /** Opened where a run failed whose begin the row does not know: a restore may have lost it. */
      intent: CreateIntent | null
    } & Dated)
  | ({ type: 'released'; attempt: number; fencingToken: string; dueAt: number } & Dated)
  | { type: 'checked'; attempt: number; checkedAt: number; leaseExpiresAt: number | null }
  | ({ type: 'cancelled'; attempt: number; fencingToken: string; by: string; reason: string | null } & Dated)
  | { type: 'runClosed'; attempt: number; checkedAt: number }
  | { type: 'retried'; attempt: number; attemptLimit: number; dueAt: number; by: string }
  | { type: 'restored'; attempt: number; attempts: number; openIntents: CreateIntent[] }

export type TaskEventType = TaskEvent['type']

export type RefusalReason =
  | 'other_task'
  | 'wrong_status'
  | 'not_due'
  | 'at_capacity'
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
