/** The types that the shared workflows and the definitions' activities agree on. */
import type { ProviderTask, Units } from '../../protocol/messages.js'
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
  /** The part of the worker's configuration that the workflow needs. */
  providerSettings(): Promise<ProviderTaskSettings & Ambiguity & { cancels?: boolean }>
  /** Has the provider create the task, and returns its id. Must not be retried blindly. */
  create(request: unknown, key: AttemptKey, reportUrl: string): Promise<string>
  /** Looks up what these attempts of the task created; null only if the provider lists nothing. */
  lookUp(taskKey: string, attempts: number[]): Promise<ProviderTask | null>
  poll(id: string): Promise<ProviderTaskState>
  cancel(id: string): Promise<boolean>
  /** Stores the task's result; null if the provider does not know the task. */
  storeResult(id: string, key: AttemptKey, request?: unknown): Promise<unknown>
}

export type SingleActivities = {
  providerSettings(): Promise<ProviderSettings & Required<Ambiguity>>
  /**
   * Requests the result, and stores it. Costs money each time: must not be retried blindly. With `tellsUnits` it may
   * give an `Accounted` result; workflows of earlier versions take the result itself.
   */
  createResult(request: unknown, key: AttemptKey, how?: { tellsUnits?: boolean }): Promise<unknown>
}

/** A result with what is charged for it. */
export interface Accounted {
  $result: unknown
  $units: Units
}

export type LocalActivities = {
  localSettings(): Promise<{ deadlineSeconds: number }>
  work(request: unknown, key: AttemptKey): Promise<unknown>
}
