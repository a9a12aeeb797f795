/** What the shared workflows and the activities of every definition agree on. Types only. */
import type { ProviderTask } from '../../protocol/messages.js'
import type { ProviderSettings, ProviderTaskSettings, ProviderTaskState } from './polled-task.js'

export interface AttemptKey {
  taskKey: string
  attempt: number
}

/** What of it concerns an ambiguous create; without it the provider can be asked. */
interface Ambiguity {
  onAmbiguousCreate?: 'fail' | 'retry' | undefined
}

export type PolledActivities = {
  /** What the workflow needs to know of the worker's configuration. */
  providerSettings(): Promise<ProviderTaskSettings & Ambiguity & { cancels?: boolean }>
  /** Has the provider create the task, and gives its id. Not to be retried blindly. */
  create(request: unknown, key: AttemptKey, reportUrl: string): Promise<string>
  /** Looks for what these attempts of the task had created; null only if the provider lists none. */
  lookUp(taskKey: string, attempts: number[]): Promise<ProviderTask | null>
  poll(id: string): Promise<ProviderTaskState>
  cancel(id: string): Promise<boolean>
  /** Keeps what the task results in; null where the provider does not know it. */
  storeResult(id: string, key: AttemptKey, request?: unknown): Promise<unknown>
}

export type SingleActivities = {
  providerSettings(): Promise<ProviderSettings & Required<Ambiguity>>
  /** Has the result made, and keeps it. Costs money each time: not to be retried blindly. */
  createResult(request: unknown, key: AttemptKey): Promise<unknown>
}

export type LocalActivities = {
  localSettings(): Promise<{ deadlineSeconds: number }>
  work(request: unknown, key: AttemptKey): Promise<unknown>
}
