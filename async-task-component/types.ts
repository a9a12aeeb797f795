/** The async-task component's public types. */
import type { AppConfig } from '../config/schema.js'
import type { Backoff } from '../lib/backoff.js'
import type { TaskStatus } from '../protocol/types.js'

export type { TaskStatus }

/** An integration folder that has workflows. */
export interface IntegrationWorkflowInfo {
  /** The folder's name. */
  name: string
  taskQueue: string
  /** The rate limit per minute of requests to the provider, over all workers. Default: any number. */
  requestsPerMinute?: number | undefined
  /** Absolute path of `workflows/index`. */
  workflowsPath: string
  /** Absolute path of `activities/index`, or null where there are none. */
  activitiesPath: string | null
  /** The exported workflows, sorted; null if the module cannot be loaded, which `loadError` explains. */
  workflowNames: string[] | null
  loadError?: Error
}

/** The settings that every integration's worker shares. */
export interface WorkerConfig {
  /** How long a worker may take to stop; activities are cancelled shortly before that. Default 10 000. */
  shutdownGraceMs: number
  /** Milliseconds between tries to build a worker, and before one that died is built again. Default 1 s, doubled, at most 60 s. */
  restart: Backoff
}

/** The two abort signals of a shutdown. */
export interface StopSignals {
  /** Aborted when nothing new may be begun. */
  stopping: AbortSignal
  /** Aborted when work in flight must end as well. */
  expired: AbortSignal
}

/** What the task processor did with one claimed task. */
export interface TaskResult {
  apiCallId: string
  attempt: number
  /**
   * - `started`: this claim started the attempt's workflow
   * - `running`: the attempt's workflow was already running
   * - `settled`: the attempt's workflow had ended; its outcome was reported
   * - `failed`: the attempt cannot be started, which was reported
   * - `released`: nothing was started, the task is pending again
   * - `left`: unknown; whoever takes the claim over will look it up
   */
  did: 'started' | 'running' | 'settled' | 'failed' | 'released' | 'left'
}

/** The component's section of the application's configuration, with the internal token settled. */
export type AsyncTaskComponentConfig = Omit<AppConfig['components']['asyncTask'], 'internalApiToken'> & {
  internalApiToken: string
}
