import type { TaskEventType, TaskStatus } from './types.js'

/**
 * Where each type of event leads, by the current status; anything else cannot happen. `evolve` and main's state
 * machines both use it. Only earlier versions append `checked`; now the store notes a check on the row.
 */
export const TRANSITIONS: Readonly<Record<TaskStatus, Partial<Record<TaskEventType, TaskStatus>>>> = {
  pending: { queued: 'queued', cancelled: 'cancelled', restored: 'pending', letThrough: 'pending' },
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
  failed: { queued: 'queued', retried: 'failed', restored: 'failed', letThrough: 'failed', cancelled: 'cancelled' },
  completed: {},
  cancelled: { checked: 'cancelled', runClosed: 'cancelled' },
}

/** Whether an event enters a status; a take-over enters the same one again. */
export function startsStatus(from: TaskStatus, to: TaskStatus, type: TaskEventType): boolean {
  return from !== to || type === 'queued'
}
