import type { lookup } from 'node:dns'
import type { Logger } from 'pino'
import type { ArtifactStore } from '../artifacts/index.js'
import type { ProviderPauses } from './provider/pauses.js'

/**
 * What the worker's process gives to activities. Secrets live here, and never in an activity's arguments:
 * those are stored in Temporal.
 *
 * @template Sections what an integration's activities read of the configuration's `integrations`, by name
 */
export interface ActivityContext<Sections extends object = object> {
  /** Where main is reached from this process. */
  mainUrl: string
  internalToken: string
  artifacts: ArtifactStore
  integrations: Sections
  /** Where activities note that a provider has asked to wait. */
  providerPauses: ProviderPauses
  /** How names in users' URLs are resolved. Default: as the system does. */
  lookup?: typeof lookup
  logger: Pick<Logger, 'info' | 'warn' | 'error'>
}

/** What a worker registers: Temporal calls activities by name, with arguments that were JSON once. */
// biome-ignore lint/suspicious/noExplicitAny: activities have all kinds of signatures; each is typed where it is written.
export type Activities = Record<string, (...args: any[]) => Promise<unknown>>

/**
 * An integration's `activities/index.ts` exports this under the name `createActivities`, where its activities
 * need the context. Other exported functions are registered as activities as they are.
 */
export type CreateActivities<Sections extends object = object> = (context: ActivityContext<Sections>) => Activities
