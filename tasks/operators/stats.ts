/**
 * `GET operator/stats`: how much each integration has to do, how fast it does it, and what fails.
 *
 * Nothing is scanned whole, however many tasks there are: what is counted has indexes of its own, of which at most
 * `MOST_COUNTED` entries are read; and the ends of a day are remembered by quarters of an hour.
 */
import { z } from 'zod'
import { type API, createAPI } from '../../lib/api.js'
import { MAX_USER_ID_LENGTH } from '../../protocol/limits.js'
import { taskStatusSchema } from '../../protocol/wire.js'
import { NOW } from '../claimable.js'
import { type AskingDaemons, countDaemons, DAEMON_MISSING_SECONDS, listDaemons } from '../daemon-rows.js'
import { isEnd, isLostAnswer, isTakeOver } from '../task-indexes.js'
import { MOST_COUNTED, readTaskNumbers } from '../task-numbers.js'
import type { TaskReader } from '../task-reader.js'
import { type CountedEnds, ENDS, type Ended } from './counted-ends.js'
import { heldUp, heldUpSchema } from './held-up.js'
import { choose, FOR_OPERATORS, integrationSchema, type OperatedTasks, type OperatorsOptions } from './operated.js'
import { pendingUsers, pendingUsersSchema } from './pending-users.js'
import { spendOf, spendSchema } from './spend.js'

const HOUR_SECONDS = 3600
const DAY_SECONDS = 86_400
/** Durations and codes are those of the newest ends. */
const NEWEST = 1000
const MOST_CODES = 20

/** Within the last 5 minutes, hour and day; a day begins with a quarter of an hour. */
const countsSchema = z.object({ minutes5: z.number().int(), hour: z.number().int(), day: z.number().int() })
/** In seconds; null without any. */
const durationSchema = z.object({ median: z.number().nullable(), p95: z.number().nullable() })

export const statsSchema = z.object({
  /** Unix seconds. */
  at: z.number(),
  /** As high as anything is counted: then it says "as many or more". */
  mostCounted: z.number().int(),
  integrations: z.array(
    z.object({
      integration: z.string(),
      /** Of tasks that are not over, by status. */
      open: z.partialRecord(taskStatusSchema, z.number().int()),
      inFlight: z.number().int(),
      /** Of all at once; 0 while it is paused. */
      maxTasksInFlight: z.number().int().nullable(),
      /** Whether an operator has paused it. */
      paused: z.boolean(),
      /** The users with most of the newest 10,000 pending tasks, and how many of those they have. */
      pendingUsers: pendingUsersSchema,
      /** For how long the oldest task that may be claimed has been due. */
      oldestDueSeconds: z.number(),
      /** For how long nobody has looked at the run that was looked at longest ago. */
      longestUncheckedSeconds: z.number(),
      /** What runs wait for, such as a provider's pause. */
      heldUp: heldUpSchema,
      /**
       * That main heard from within a minute, by state; how long ago one last asked for tasks, null if long ago; and
       * whether that is so long that tasks wait for one.
       */
      daemons: z.object({
        running: z.number().int(),
        draining: z.number().int(),
        /** Those that hang, or were killed: main has heard nothing of them for more than a minute, within an hour. */
        silent: z.number().int(),
        askedSecondsAgo: z.number().nullable(),
        missing: z.boolean(),
      }),
      completed: countsSchema,
      failedAttempts: countsSchema,
      cancelled: countsSchema,
      takeOvers: countsSchema,
      /** Attempts that failed for a lost answer: the provider may have made something, and charge for it. */
      lostAnswers: countsSchema,
      /** Of the tasks that were completed last: from creation to the last attempt's claim, and from there to the end. */
      queued: durationSchema,
      working: durationSchema,
      /** Of the attempts that failed last, within a day. */
      failures: z.array(z.object({ code: z.string(), count: z.number().int() })),
      /** What its provider charged; null without `prices` in the configuration. */
      spend: spendSchema.nullable(),
    }),
  ),
})

type Stats = z.infer<typeof statsSchema>['integrations'][number]

export function createStatsAPI({ operated }: OperatorsOptions, counted: CountedEnds): API {
  return createAPI({
    ...FOR_OPERATORS,
    name: 'stats',
    method: 'GET',
    summary: 'How much each integration has to do, how fast it does it, and what fails',
    params: z.strictObject({
      integration: integrationSchema.optional(),
      /** Whose spend is told besides. */
      user: z.string().min(1).max(MAX_USER_ID_LENGTH).optional(),
    }),
    answer: statsSchema,
    async callback(_context, { integration, user }) {
      const integrations: Stats[] = []
      const daemons = countDaemons(await listDaemons(this))
      // One after another: a request takes one connection at most.
      for (const tasks of choose(operated(), integration))
        integrations.push(await statsOf(tasks, counted, daemons(tasks.store.names.apiCall), user))
      return { at: Date.now() / 1000, mostCounted: MOST_COUNTED, integrations }
    },
  })
}

async function statsOf(
  { namespace, store }: OperatedTasks,
  counted: CountedEnds,
  daemons: AskingDaemons,
  user: string | undefined,
): Promise<Stats> {
  const { counts: open, ...ages } = await readTaskNumbers(store)
  const { queued, working, failures, takeOvers, lostAnswers, ...lately } = await readEnds(store)
  const { ended } = await counted.of(store, 'day', Date.now() / 1000)
  const ofDay = (type: keyof Ended) => ({
    ...lately[type],
    day: ended.reduce((sum, of) => sum + of[type], 0),
  })
  const { maxTasksInFlight = null, paused } = await store.rulesNow()
  const missing = (daemons.askedSecondsAgo ?? Number.POSITIVE_INFINITY) > DAEMON_MISSING_SECONDS
  return {
    integration: namespace,
    open,
    inFlight: (open.queued ?? 0) + (open.processing ?? 0),
    maxTasksInFlight,
    paused: paused !== undefined,
    ...ages,
    pendingUsers: await pendingUsers(store),
    heldUp: await heldUp(store),
    daemons: { ...daemons, missing },
    completed: ofDay('completed'),
    failedAttempts: ofDay('failed'),
    cancelled: ofDay('cancelled'),
    takeOvers,
    lostAnswers,
    queued: queued ?? { median: null, p95: null },
    working: working ?? { median: null, p95: null },
    failures,
    spend: await spendOf(store, user),
  }
}

interface Ends
  extends Pick<Stats, 'takeOvers' | 'lostAnswers' | 'failures'>,
    Record<keyof Ended, Omit<Stats['completed'], 'day'>> {
  queued: Stats['queued'] | null
  working: Stats['working'] | null
}

/** In one statement, which sees one moment. */
async function readEnds(tasks: TaskReader): Promise<Ends> {
  const { calls, events } = tasks
  const { table, column } = events
  const at = column('at')
  const lately = (seconds: number) => `${at} > ${NOW} - ${seconds}`
  const ends = (type: string, seconds = DAY_SECONDS) =>
    `${isEnd(column)} AND ${column('eventType')} = '${type}' AND ${lately(seconds)}`
  const within = (seconds: number) => `(count(*) FILTER (WHERE at > ${NOW} - ${seconds}))::int`
  const counted = (where: string, name: keyof Ends) =>
    `(SELECT json_build_object('minutes5', ${within(300)}, 'hour', ${within(HOUR_SECONDS)}, 'day', count(*)::int)` +
    ` FROM (SELECT ${at} AS at FROM ${table} WHERE ${where} ORDER BY ${at} DESC LIMIT ${MOST_COUNTED}) AS newest)` +
    ` AS "${name}"`
  const startedAt = `call.${calls.column('startedAt')}`
  const spread = (seconds: string) =>
    `json_build_object('median', percentile_cont(0.5) WITHIN GROUP (ORDER BY ${seconds}),` +
    ` 'p95', percentile_cont(0.95) WITHIN GROUP (ORDER BY ${seconds}))`
  const newest = (type: string, selected: string) =>
    `(SELECT ${selected} FROM ${table} WHERE ${ends(type)} ORDER BY ${at} DESC LIMIT ${NEWEST})`
  const sql =
    `WITH done AS MATERIALIZED (SELECT finished.at - ${startedAt} AS working,` +
    ` ${startedAt} - call.${calls.column('createdAt')} AS queued` +
    ` FROM ${newest('completed', `${at} AS at, ${column('apiCallId')}::${calls.idType} AS id`)} AS finished` +
    ` JOIN ${calls.table} AS call ON call.${calls.column('id')} = finished.id)` +
    ` SELECT ${ENDS.map((type) => counted(ends(type, HOUR_SECONDS), type)).join(', ')},` +
    ` ${counted(`${isTakeOver(column)} AND ${lately(DAY_SECONDS)}`, 'takeOvers')},` +
    ` ${counted(`${isLostAnswer(column)} AND ${lately(DAY_SECONDS)}`, 'lostAnswers')},` +
    ` (SELECT ${spread('queued')} FROM done) AS queued, (SELECT ${spread('working')} FROM done) AS working,` +
    ` (SELECT coalesce(json_agg(of_code), '[]') FROM (SELECT code, count(*)::int AS count` +
    ` FROM ${newest('failed', `${column('data')} -> 'error' ->> 'code' AS code`)} AS failed` +
    ` GROUP BY code ORDER BY count DESC, code LIMIT ${MOST_CODES}) AS of_code) AS failures`
  const [row] = await tasks.read('stats', () => tasks.query<Ends>(sql, []))
  if (!row) throw new Error('The database told no statistics')
  return row
}
