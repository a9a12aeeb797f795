/** A task's status, by a word and a colour. */
import { html } from 'htm/preact'
import type { Status as TaskStatus } from './answers.js'

export const STATUSES: TaskStatus[] = ['pending', 'queued', 'processing', 'completed', 'failed', 'cancelled']

export function Status({ of }: { of: TaskStatus }) {
  return html`<span class=${`status ${STATUSES.includes(of) ? of : ''}`}>${of}</span>`
}
