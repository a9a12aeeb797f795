/** What a task waits for, for people: as its run reported, or as main sees it. */
import { z } from 'zod'
import { claimableAt, currentAttempt, isLive, type NoPlace, type TaskState } from '../protocol/index.js'
import { taskErrorSchema } from '../protocol/messages.js'
import { type Budget, usedUp } from './budgets.js'
import { DAEMON_MISSING_SECONDS } from './daemon-rows.js'
import { daemonsOf } from './daemons.js'
import { EVERYBODY, NOTHING, spentNow, sumOfUser } from './spend.js'
import { ofSameUser, type TaskRules } from './task-limits.js'
import type { StoredTask } from './task-reader.js'
import type { TaskStore } from './task-store.js'

export const waitingForSchema = taskErrorSchema.extend({
  /** Unix seconds; null if main does not know. */
  since: z.number().nullable(),
  /** When it is retried; null if nobody knows, or if a try is under way. */
  nextTryAt: z.number().nullable(),
})

export type TaskWaitsFor = z.infer<typeof waitingForSchema>

export async function whatItWaitsFor(
  store: TaskStore,
  { taskKey, state, createdAt }: Pick<StoredTask, 'taskKey' | 'state' | 'createdAt'>,
): Promise<TaskWaitsFor | null> {
  const now = Date.now() / 1000
  if (isLive(state)) {
    const { waitingFor } = state
    if (!waitingFor) return unansweredCreate(state)
    return { ...waitingFor, nextTryAt: laterThan(now, waitingFor.nextTryAt) }
  }
  const due = claimableAt(state)
  if (due === null) return null
  if (due > now) {
    const message = `Its ${state.status === 'failed' ? 'next attempt' : 'start'} is due at ${new Date(due * 1000).toISOString()}`
    return { code: 'not_due', message, since: state.statusSince ?? createdAt, nextTryAt: due }
  }
  const rules = await store.rulesNow()
  const { paused, maxTasksInFlight, maxTasksInFlightPerUser } = rules
  const waits = (
    code: NoPlace | 'no_daemon',
    message: string,
    since: number | null = null,
    nextTryAt: number | null = null,
  ) => ({
    code,
    message,
    since,
    nextTryAt,
  })
  if (paused) return waits('paused', 'An operator has paused all such tasks: it starts once they resume', paused.since)
  const lastAsked = await daemonsOf(store.controller).lastAsked(store.names.apiCall)
  if (now - Math.max(due, state.statusSince ?? createdAt, lastAsked ?? 0) > DAEMON_MISSING_SECONDS) {
    const silent = lastAsked === null ? '' : ` for ${Math.round(now - lastAsked)} s`
    return waits('no_daemon', `No daemon has asked for such tasks${silent}: it starts once one does`, lastAsked)
  }
  const full = (count: number, max: number, whose: string) =>
    `${count} of ${max} ${whose} are in flight: it starts when one of them has ended`
  if (maxTasksInFlight === 0) {
    return waits('at_capacity', 'The limit of such tasks in flight is 0: it starts once the limit is raised')
  }
  if (maxTasksInFlight !== undefined) {
    const inFlight = await store.read('in-flight', () => store.countInFlight())
    if (inFlight >= maxTasksInFlight) return waits('at_capacity', full(inFlight, maxTasksInFlight, 'tasks'))
  }
  if (maxTasksInFlightPerUser !== undefined) {
    const { count } = await store.read('in-flight-of-user', () => ofSameUser(store, taskKey))
    if (count >= maxTasksInFlightPerUser) {
      return waits('user_at_capacity', full(count, maxTasksInFlightPerUser, 'of one’s tasks'))
    }
  }
  if (state.letThrough) return null
  const budget = await store.read('budgets', () => budgetUsedUp(store, rules, taskKey, now))
  return budget && waits(budget.code, budget.message, null, budget.until)
}

/** A run that asks the provider to create something, or finds out what became of that. */
function unansweredCreate(state: TaskState): TaskWaitsFor | null {
  const last = state.openIntents.at(-1)
  if (!last) return null
  const message =
    last.attempt === currentAttempt(state)
      ? 'The provider was asked, or is just being asked, and has not answered. If its answer was lost, the run looks for what was made, until it is certain that nothing was'
      : `Nobody knows what the provider made for attempt ${last.attempt}: the run looks for it before it asks again`
  return { code: 'create_unanswered', message, since: last.at, nextTryAt: null }
}

/** Which budget leaves it no place; null if all do. */
async function budgetUsedUp(
  store: TaskStore,
  { budget, budgetPerUser, policy: { prices } }: TaskRules,
  taskKey: string,
  now: number,
): Promise<{ code: NoPlace; message: string; until: number } | null> {
  if (!prices) return null
  const used = async (whose: string, of: Budget, inFlight: number) => {
    const spent = await spentNow(store, [whose], prices.currency)
    return usedUp(of, spent.get(whose) ?? NOTHING, prices, inFlight, now)
  }
  const all = budget && (await used(EVERYBODY, budget, await store.countInFlight()))
  if (all) return { code: 'over_budget', message: `The integration’s ${all.words}`, until: all.until }
  if (!budgetPerUser) return null
  const { user, count } = await ofSameUser(store, taskKey)
  const own = await used(sumOfUser(user), budgetPerUser, count)
  return own && { code: 'user_over_budget', message: `The user’s ${own.words}`, until: own.until }
}

function laterThan(now: number, time: number | null): number | null {
  return time !== null && time > now ? time : null
}
