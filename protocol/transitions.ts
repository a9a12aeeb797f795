import type { TaskEventType, TaskStatus } from './types.js'

/**
 * Where each type of event leads, by the status that it finds. What is not here cannot happen. The fold
 * (`evolve`) and main's state machines both go by it. `checked` is appended by earlier versions only: the
 * store notes a look on the row.
 */
export const TRANSITIONS: Readonly<Record<TaskStatus, Partial<Record<TaskEventType, TaskStatus>>>> = {
  pending: { queued: 'queued', cancelled: 'cancelled', restored: 'pending' },
  queued: {
    queued: 'queued',
    begun: 'queued',
    waiting: 'queued',
    resumed: 'queued',
    checked: 'queued',
    restored: 'queued',
    released: 'pending',
    processing: 'processing',
    failed: 'failed',
    cancelled: 'cancelled',
  },
  processing: {
    begun: 'processing',
    waiting: 'processing',
    resumed: 'processing',
    checked: 'processing',
    completed: 'completed',
    failed: 'failed',
    cancelled: 'cancelled',
  },
  failed: { queued: 'queued', retried: 'failed', restored: 'failed', cancelled: 'cancelled' },
  completed: {},
  cancelled: { checked: 'cancelled', runClosed: 'cancelled' },
}

/** Whether an event starts a status; a take-over starts the same one anew. */
export function startsStatus(from: TaskStatus, to: TaskStatus, type: TaskEventType): boolean {
  return from !== to || type === 'queued'
}
