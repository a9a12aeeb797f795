/** What the bench has measured, as the simulation takes it. */
import { keyOf, type Results, summaryOf } from '../bench/results.js'
import { type Measured, measuredSchema } from './service-times.js'

/** Undefined where something was not measured on PostgreSQL. */
export function measuredBy({ rounds }: Pick<Results, 'rounds'>): Measured | undefined {
  const summaries = ['create', 'dispatch', 'claim', 'life', 'idle'].map((name) =>
    summaryOf(rounds[keyOf(name, 'postgresql')]),
  )
  const [create, dispatch, claim, life, idle] = summaries.map((summary) => summary?.figures ?? {})
  const eachSecond = (cores = Number.NaN) => (1000 * cores) / (idle?.parkedRequests ?? Number.NaN)
  return measuredSchema.safeParse({
    cleanRounds: Math.min(...summaries.map((summary) => summary?.clean ?? 0)),
    create: { main: create?.mainMsPerTask, postgres: create?.postgresMsPerTask },
    dispatch: {
      main: dispatch?.mainMsPerTask,
      postgres: dispatch?.postgresMsPerTask,
      daemon: dispatch?.dispatcherMsPerTask,
      temporal: dispatch?.temporalMsPerTask,
    },
    claimedInBatch: claim?.inBatchMainMs,
    reports: { main: life?.restOfLifeMainMs, postgres: life?.restOfLifePostgresMs },
    life: { daemon: life?.daemonMsPerLife, temporal: life?.temporalMsPerLife },
    parked: { main: eachSecond(idle?.mainCores), postgres: eachSecond(idle?.postgresCores) },
    busyCores: {
      starting:
        ((dispatch?.bareStartsPerSecond ?? Number.NaN) * (dispatch?.bareMachineMsPerStart ?? Number.NaN)) / 1000,
      completing: life?.bareBusyCores,
    },
    reached: { dispatchedPerSecond: dispatch?.tasksPerSecond, completedPerSecond: life?.completedPerSecond },
  }).data
}
