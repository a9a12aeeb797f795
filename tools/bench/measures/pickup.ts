/** Tasks are created one after another: how long after the create's answer, and its request, has each been started. */
import { setTimeout as delay } from 'node:timers/promises'
import { createTasks, inSystem, REQUEST, timed, WARM_UP } from '../between-bare.js'
import type { Measure, Size } from '../measure.js'
import { median, percentile } from '../statistics.js'
import { type BenchSystem, DATABASES } from '../system.js'
import { startTimes, untilFound } from '../workflows.js'

const MOST_TASKS = 300
const APART_MS = 50
const AFTER_QUIET = 3

export const pickup: Measure = {
  title: 'Picking up a task: from its creation to its workflow’s start',
  databases: DATABASES,
  run: (size) =>
    inSystem(size, async (system) => {
      const count = Math.min(MOST_TASKS, size.tasks)
      const dispatcher = await system.startDispatcher()
      const warmUp = Math.min(WARM_UP, size.tasks)
      await createTasks(system, warmUp, 1)
      await untilFound(system.temporal, warmUp)
      const { fromAnswer, fromRequest, answers } = await pickUps(system, count, warmUp)
      const quiet = await afterQuiet(system, size, warmUp + count)
      await dispatcher.stop()
      return (bare) => ({
        fromAnswerP50ToBareStart: median(fromAnswer) / bare.startMs,
        fromAnswerP99ToBareStart: percentile(fromAnswer, 0.99) / bare.startMs,
        fromRequestP50ToBareStart: median(fromRequest) / bare.startMs,
        afterQuietP50ToBareStart: median(quiet) / bare.startMs,
        answerP50ToBareStart: median(answers) / bare.startMs,
        fromAnswerP50Ms: median(fromAnswer),
        fromAnswerP99Ms: percentile(fromAnswer, 0.99),
        fromRequestP50Ms: median(fromRequest),
        afterQuietP50Ms: median(quiet),
        bareStartP99Ms: bare.startP99Ms,
      })
    }),
}

/**
 * Creates tasks, and gives how many milliseconds later each was answered, and started.
 *
 * @param already how many workflows there are before
 * @param apartMs the longest pause between two
 */
export async function pickUps(
  { tasks, temporal }: Pick<BenchSystem, 'tasks' | 'temporal'>,
  count: number,
  already: number,
  apartMs = APART_MS,
) {
  const created: Array<{ id: string; askedAt: number; answeredAt: number; ms: number }> = []
  const pending: Promise<unknown>[] = []
  for (let index = 0; index < count; index += 1) {
    const askedAt = Date.now()
    const create = timed(() => tasks.create('test', REQUEST))
    pending.push(create.then(([id, ms]) => created.push({ id, askedAt, answeredAt: Date.now(), ms })))
    await delay(Math.random() * apartMs)
  }
  await Promise.all(pending)
  await untilFound(temporal, already + count)
  const starts = await startTimes(temporal)
  const after = (id: string, at: number) => Math.max(0, (starts.get(id) ?? Number.NaN) - at)
  return {
    fromAnswer: created.map(({ id, answeredAt }) => after(id, answeredAt)),
    fromRequest: created.map(({ id, askedAt }) => after(id, askedAt)),
    answers: created.map(({ ms }) => ms),
  }
}

/** From the request, one task at a time, each after half of the seconds that what is idle is watched. */
async function afterQuiet(system: BenchSystem, { seconds }: Size, already: number): Promise<number[]> {
  const taken: number[] = []
  for (let index = 0; index < AFTER_QUIET; index += 1) {
    await delay(500 * seconds)
    taken.push(...(await pickUps(system, 1, already + index)).fromRequest)
  }
  return taken
}
