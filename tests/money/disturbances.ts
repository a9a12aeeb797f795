/** What happens to a money run beside the provider's faults: daemons die, runs are terminated, quotas are raised. */
import { setTimeout as delay } from 'node:timers/promises'
import { attemptWorkflowId } from '@/protocol/names.js'
import type { LoggedRequest } from '@/simulator/request-log.js'
import { isCreate, taskKeyOf } from './ark-log.js'
import { KILL_EVERY_MS, TERMINATE_EVERY } from './settings.js'
import { readVideos, type StoredVideo } from './stored-videos.js'
import type { MoneySystem } from './system.js'

export interface Disturbances {
  kills: number
  terminations: number
}

const OUTAGE_MS = 1_000
const LOOK_EVERY_MS = 200
/** A later attempt's end may be the task's: what it left would wait for an operator. */
const LAST_TO_TERMINATE = 2

/** Goes on until the signal; rejects if the harness itself fails. */
export async function disturb(system: MoneySystem, signal: AbortSignal): Promise<Disturbances> {
  const done: Disturbances = { kills: 0, terminations: 0 }
  await Promise.all([killDaemons(system, done, signal), followCreates(system, done, signal)])
  return done
}

/** One after another, each by kill -9, so that one always runs. */
async function killDaemons({ daemons }: MoneySystem, done: Disturbances, signal: AbortSignal): Promise<void> {
  for (let turn = 0; await pause(KILL_EVERY_MS, signal); turn++) {
    const killed = await daemons[turn % daemons.length]?.kill(OUTAGE_MS)
    if (killed) done.kills += 1
  }
}

/**
 * Terminates runs just when the answer to their create is lost, so that only the intent is left of it. And where the
 * provider says that a quota is used up, has the run ask again at once, as an operator would who has raised it.
 */
async function followCreates(system: MoneySystem, done: Disturbances, signal: AbortSignal): Promise<void> {
  let seen = 0
  let lost = 0
  while (await pause(LOOK_EVERY_MS, signal)) {
    const news = system.ark.requests.slice(seen)
    seen += news.length
    for (const request of news.filter(isCreate)) {
      if (request.faults.includes('quotaExceeded')) await hurry(system, request)
      if (!request.faults.some((kind) => kind.startsWith('acceptThen'))) continue
      lost += 1
      if (lost % TERMINATE_EVERY === 0 && (await terminateRun(system, request))) done.terminations += 1
    }
  }
}

async function videoOf({ query }: MoneySystem, request: LoggedRequest): Promise<StoredVideo | undefined> {
  return (await readVideos(query)).find(({ taskKey }) => taskKey === taskKeyOf(request))
}

async function hurry(system: MoneySystem, request: LoggedRequest): Promise<void> {
  const { mainUrl, secrets } = system
  const response = await fetch(`${mainUrl}/api/fangzhouVideoGeneration/triggerImmediatePoll`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secrets.INTERNAL_API_TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify({ apiCallId: (await videoOf(system, request))?.id }),
    signal: AbortSignal.timeout(30_000),
  })
  if (!response.ok) throw new Error(`triggerImmediatePoll answered ${response.status}: ${await response.text()}`)
}

/** False where the run is over, or where its end may be the task's. */
async function terminateRun(system: MoneySystem, request: LoggedRequest): Promise<boolean> {
  const { temporal } = system
  const video = await videoOf(system, request)
  const attempt = video?.events.at(-1)?.attempt ?? 0
  if (!video || attempt > LAST_TO_TERMINATE) return false
  const id = attemptWorkflowId('fangzhouVideoGeneration', video.id, video.taskKey, attempt)
  try {
    await temporal.workflow.getHandle(id).terminate('the money run does that')
    return true
  } catch (error) {
    if ((error as Error).name === 'WorkflowNotFoundError') return false
    throw error
  }
}

/** False once the signal is aborted. */
async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  await delay(ms, undefined, { signal }).catch(() => {})
  return !signal.aborted
}
