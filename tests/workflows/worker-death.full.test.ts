/** Workers that are killed between every two activities of a run, and in the middle of each. */
import type { TestWorkflowEnvironment } from '@temporalio/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRealEnvironment } from '../provider-kit/workflow-bench.js'
import { ALIVE, type DyingRun, KILLED, killWorkers, type Survivor } from './dying-workers.js'
import { activitiesOf, recorderOfLocalActivity, workflowWorkersAround } from './history-events.js'
import { type Kind, RealTasks } from './real-tasks.js'
import type { StoppingPoint } from './stopping-workers.js'

type Case = [where: string, run: DyingRun]

/** Its completion is recorded; then the workflow's worker dies. */
const after = (kind: Kind, where: string, activity: string, nth = 1): Case => [
  where,
  { kind, death: 'between', point: { activity, nth, at: 'end' } },
]
/** It has done its work, unless said otherwise, and dies before Temporal learns of that. */
const inside = (
  kind: Kind,
  where: string,
  activity: string,
  { nth = 1, at = 'end' as StoppingPoint['at'] } = {},
): Case => [where, { kind, death: 'within', point: { activity, nth, at } }]

const between: Case[] = [
  after('video', 'a video, after its begin', 'beginAttempt'),
  after('video', 'a video, after its create', 'create'),
  after('video', 'a video, after it was reported as processing', 'reportAttempt:processing'),
  after('video', 'a video, after its first poll', 'poll'),
  after('video', 'a video, after its second poll', 'poll', 2),
  after('video', 'a video, after it was stored', 'storeResult'),
  after('video', 'a video, after it was reported as completed', 'reportAttempt:completed'),
  after('image', 'an image, after its begin', 'beginAttempt'),
  after('image', 'an image, after it was made', 'createResult'),
  after('image', 'an image, after it was reported as processing', 'reportAttempt:processing'),
  after('image', 'an image, after it was reported as completed', 'reportAttempt:completed'),
]

const settings: Case[] = [
  inside('video', 'a video, as it is told its settings', 'providerSettings'),
  inside('image', 'an image, as it is told its settings', 'providerSettings'),
]

const within: Case[] = [
  inside('video', 'a video, as main has stored its begin', 'beginAttempt'),
  inside('video', 'a video, before it is created', 'create', { at: 'start' }),
  inside('video', 'a video, as it was created', 'create'),
  inside('video', 'a video, as main has stored that it is processing', 'reportAttempt:processing'),
  inside('video', 'a video, at its first poll', 'poll'),
  inside('video', 'a video, at its second poll', 'poll', { nth: 2 }),
  inside('video', 'a video, as half of it is copied', 'storeResult', { at: 'middle' }),
  inside('video', 'a video, as it was stored', 'storeResult'),
  inside('video', 'a video, as main has stored that it is completed', 'reportAttempt:completed'),
  inside('image', 'an image, as main has stored its begin', 'beginAttempt'),
  inside('image', 'an image, as main has stored that it is processing', 'reportAttempt:processing'),
  inside('image', 'an image, as main has stored that it is completed', 'reportAttempt:completed'),
]

/** The provider cannot be asked what it has made. */
const unanswered: Case = inside('image', 'an image, as it was made', 'createResult')

const cases = [...between, ...settings, ...within, unanswered]
const survivors = new Map<DyingRun, Survivor>()

let env: TestWorkflowEnvironment
let world: RealTasks
beforeAll(async () => {
  env = await createRealEnvironment()
  world = await RealTasks.open(env)
  const runs = cases.map(([, run]) => run)
  for (const [index, survivor] of (await killWorkers(world, runs)).entries()) {
    survivors.set(runs[index] as DyingRun, survivor)
  }
}, 600_000)
afterAll(async () => {
  await world.close()
  await env.teardown()
})

function survivorOf(run: DyingRun): Survivor {
  const survivor = survivors.get(run)
  if (!survivor) throw new Error('This run did not take place')
  return survivor
}

/** All went well, once. */
async function expectDoneOnce({ task, outcome }: Survivor): Promise<void> {
  expect(outcome).toMatchObject({ outcome: 'completed', attempt: 1 })
  expect(task.creates()).toHaveLength(1)
  expect(await task.files()).toEqual([`${task.kind}-${task.taskKey}-1.${task.kind === 'video' ? 'mp4' : 'png'}`])
  const { status, attempts, timeline } = await task.shown()
  expect({ status, attempts }).toEqual({ status: 'completed', attempts: 1 })
  for (const once of ['begun', 'processing', 'completed']) {
    expect(timeline.filter(({ type }) => type === once)).toHaveLength(1)
  }
}

function stoppedActivity({ history }: Survivor, { activity, nth }: DyingRun['point']) {
  const stopped = activitiesOf(history).filter((one) => one.activity === activity)[nth - 1]
  if (!stopped) throw new Error(`There is no ${activity} number ${nth} in the history`)
  return stopped
}

describe('a worker that dies between two activities of', () => {
  it.each(between)('%s, is followed by another that goes on from there', async (_where, run) => {
    const survivor = survivorOf(run)
    await expectDoneOnce(survivor)
    const { closed } = stoppedActivity(survivor, run.point)
    expect(closed?.activityTaskCompletedEventAttributes).toBeTruthy()
    const { before, after: following } = workflowWorkersAround(survivor.history, closed)
    expect(new Set(before)).toEqual(new Set([KILLED]))
    expect(new Set(following)).toEqual(new Set([ALIVE]))
  })
})

describe('a worker that dies in the middle of an activity of', () => {
  it.each(within)('%s, is followed by another that does it once', async (_where, run) => {
    const survivor = survivorOf(run)
    await expectDoneOnce(survivor)
    const { closed, startedBy } = stoppedActivity(survivor, run.point)
    if (run.point.activity === 'create') expect(closed?.activityTaskTimedOutEventAttributes).toBeTruthy()
    else expect(startedBy).toBe(ALIVE)
  })

  it.each(settings)('%s, is followed by another that asks again', async (_where, run) => {
    const survivor = survivorOf(run)
    await expectDoneOnce(survivor)
    expect(recorderOfLocalActivity(survivor.history)).toBe(ALIVE)
  })

  it(`${unanswered[0]}, is followed by another that leaves it to an operator`, async () => {
    const { outcome, task } = survivorOf(unanswered[1])
    expect(outcome).toMatchObject({ outcome: 'failed', error: { code: 'create_answer_lost' }, retryable: false })
    expect(task.creates()).toHaveLength(1)
    expect(await task.shown()).toMatchObject({ status: 'failed', attempts: 1 })
  })
})

it('leaves no video at the provider that nobody has fetched', async () => {
  const videos = cases.filter(([, { kind }]) => kind === 'video')
  expect(await world.videosAtProvider()).toEqual(videos.map(() => 'succeeded'))
})
