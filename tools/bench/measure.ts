/** What a measure is: it looks at this machine once, and gives figures. */
import type { DatabaseKind } from './system.js'

export interface Size {
  /** Tasks of a round. */
  tasks: number
  /** Rows beside which a fetch is compared. */
  rows: number
  /** How long what is idle is watched. */
  seconds: number
  /** How many integrations there are where many are measured. Default: as many as the goal says. */
  integrations?: number | undefined
  database: DatabaseKind
}

/** Figures by name; each name ends with its unit, or tells what it is a ratio of. */
export type Figures = Record<string, number>

export interface Measure {
  /** Says what it measures. */
  title: string
  /** The databases that it makes sense for; without them it is measured once, and says so. */
  databases: readonly DatabaseKind[]
  /** One round is enough: it is long, and compares within itself. */
  once?: boolean
  run(size: Size): Promise<Figures>
}
