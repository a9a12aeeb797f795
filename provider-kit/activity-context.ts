import type { lookup } from 'node:dns'
import type { Logger } from 'pino'
import type { ArtifactStore } from '../artifacts/index.js'
import type { ProviderPauses } from './provider/pauses.js'

/**
 * What the worker's process gives to activities. Secrets are in here, never in an activity's arguments: Temporal
 * stores those.
 *
 * @template Sections the sections of the configuration's `integrations` that the activities read, by name
 */
export interface ActivityContext<Sections extends object = object> {
  /** Where this process reaches main. */
  mainUrl: string
  internalToken: string
  artifacts: ArtifactStore
  integrations: Sections
  /** Where activities note that a provider asks to wait. */
  providerPauses: ProviderPauses
  /** How names in users' URLs are resolved. Default: as the system does. */
  lookup?: typeof lookup
  logger: Pick<Logger, 'info' | 'warn' | 'error'>
}

/** What a worker registers. Temporal calls activities by name, with arguments parsed from JSON. */
// biome-ignore lint/suspicious/noExplicitAny: signatures vary; each activity is typed where it is defined.
export type Activities = Record<string, (...args: any[]) => Promise<unknown>>

/**
 * An integration's `activities/index.ts` exports this as `createActivities` if its activities need the context. Other
 * exported functions are registered as activities unchanged.
 */
export type CreateActivities<Sections extends object = object> = (context: ActivityContext<Sections>) => Activities
