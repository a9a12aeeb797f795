/** The measured service times, in one place: what the bench has found on two cores, in milliseconds of a processor. */
import { readFileSync, writeFileSync } from 'node:fs'
import { z } from 'zod'
import { pullModeSchema } from '../../config/pull-mode.js'

const perPart = z.object({ main: z.number(), postgres: z.number() })

export const measuredSchema = z.object({
  /** Rounds beside which nobody else used the machine, of the measure that has fewest. */
  cleanRounds: z.number(),
  /** A task created over HTTP. */
  create: perPart,
  /** A task dispatched: claimed, and its workflow started. */
  dispatch: perPart.extend({ daemon: z.number(), temporal: z.number() }),
  /** Main's own time for a task in a batch of 32, where the request itself costs next to nothing. */
  claimedInBatch: z.number(),
  /** Begin, processing and completed, a request each. */
  reports: perPart,
  /** A task’s whole life, from its claim to its end. */
  life: z.object({ daemon: z.number(), temporal: z.number() }),
  /** A parked request, for each second: its part of all that an idle main and its database do. */
  parked: perPart,
  /** What the bench reached on two cores. */
  reached: z.object({ dispatchedPerSecond: z.number(), completedPerSecond: z.number() }),
  /** How many of the two cores Temporal's own client and Workers keep busy: the yardstick waits, too. */
  busyCores: z.object({ starting: z.number(), completing: z.number() }),
})

export type Measured = z.output<typeof measuredSchema>

const FILE = new URL('./measured.json', import.meta.url)

export function readMeasured(): Measured {
  return measuredSchema.parse(JSON.parse(readFileSync(FILE, 'utf8')))
}

export function writeMeasured(measured: Measured): void {
  const rounded = (_: string, value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(3)) : value)
  writeFileSync(FILE, `${JSON.stringify(measured, rounded, 2)}\n`)
}

const { startConcurrency } = pullModeSchema.parse({})
/** Tasks in one request, on average, while tasks wait: a half of the slots, or more, is refilled at once. */
const CLAIMED_AT_ONCE = 0.75 * startConcurrency
/** A run's activities: it begins, reports that it is processing, works, and reports its result. */
export const ACTIVITIES = 4
/** The three of them that report to main. */
export const REPORTS = 3

export interface ServiceTimes {
  create: { main: number; postgres: number }
  claimRequest: { main: number; postgres: number }
  claimedTask: { main: number; postgres: number }
  start: { daemon: number; temporal: number }
  activity: { daemon: number; temporal: number }
  report: { main: number; postgres: number }
  parked: { main: number; postgres: number }
}

/** What each step costs, by the measured wholes. */
export function serviceTimes({ create, dispatch, claimedInBatch, reports, life, parked }: Measured): ServiceTimes {
  const ofTask = Math.min(claimedInBatch, dispatch.main)
  // PostgreSQL's part of a request is as large as main's.
  const share = ofTask / dispatch.main
  return {
    create,
    parked,
    claimRequest: {
      main: (dispatch.main - ofTask) * CLAIMED_AT_ONCE,
      postgres: dispatch.postgres * (1 - share) * CLAIMED_AT_ONCE,
    },
    claimedTask: { main: ofTask, postgres: dispatch.postgres * share },
    start: { daemon: dispatch.daemon, temporal: dispatch.temporal },
    activity: {
      daemon: Math.max(0, life.daemon - dispatch.daemon) / ACTIVITIES,
      temporal: Math.max(0, life.temporal - dispatch.temporal) / ACTIVITIES,
    },
    report: { main: reports.main / REPORTS, postgres: reports.postgres / REPORTS },
  }
}
