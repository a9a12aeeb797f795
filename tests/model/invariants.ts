/** What must always hold, checked by witnesses that stand beside main, Temporal and the provider. */
import { claimableAt, currentAttempt, type TaskEvent, type TaskRequest, type TaskState } from '@/protocol/index.js'
import { Run } from './run.js'
import type { Execution, MainAnswer, ProviderTaskRecord } from './servers.js'
import type { World } from './world.js'

/** What main was asked, what it made of it, and how the row was before. */
export interface Handled {
  request: TaskRequest
  events: TaskEvent[]
  answer: MainAnswer
  before: TaskState
}

/** Sets the witnesses. Each throws when what it watches is broken. */
export function watch(world: World): void {
  const begun = new Map<number, string>()
  const batches = new Set<string>()
  world.main.onHandled = (handled) => {
    oneClaimer(world, handled)
    oneBatchPerId(world, batches, handled)
    fencedWrites(handled)
    oneRunPerAttempt(world, begun, handled)
    liveWorkIsNotEnded(world, handled)
    workIsNotRefused(handled)
    onlyWhatWasMadeIsCharged(world, handled)
  }
  world.temporal.onStarted = (execution, replaced) => {
    oneWorkflowPerAttempt(execution, replaced)
    world.runs.push(new Run(world, execution))
  }
  world.provider.onCreated = (task) => nothingIsPaidTwice(world, task)
}

/** Of any number of claims exactly one wins: nobody claims what was not to be claimed at that moment. */
function oneClaimer(world: World, { events, before }: Handled): void {
  const claim = events.find((event) => event.type === 'queued' && !event.adopted)
  if (!claim) return
  const due = claimableAt(before)
  if (due === null || due > world.now) throw new Error(`two claimers: claimed while ${before.status}`)
}

/** A claimId claims once: what it claimed later nobody would learn of who was answered before. A restore forgets it. */
function oneBatchPerId(world: World, batches: Set<string>, { events }: Handled): void {
  for (const event of events) {
    if (event.type !== 'queued' || event.claimId === undefined) continue
    if (batches.has(event.claimId) && world.main.restores === 0) {
      throw new Error(`a claimId has claimed twice: ${event.claimId}`)
    }
    batches.add(event.claimId)
  }
}

/** Nothing is written about a row that has changed since its token was read. */
function fencedWrites({ request, events, before }: Handled): void {
  if (!('attempt' in request) || !('fencingToken' in request) || events.length === 0) return
  if (request.fencingToken !== before.fencingToken) throw new Error(`stale write accepted: ${request.status}`)
}

/** One begun run per attempt, for ever. A restore forgets begins, so after one this cannot be told. */
function oneRunPerAttempt(world: World, begun: Map<number, string>, { events }: Handled): void {
  for (const event of events) {
    if (event.type !== 'begun') continue
    const earlier = begun.get(event.attempt)
    if (earlier !== undefined && earlier !== event.runId && world.main.restores === 0) {
      throw new Error(`two runs began attempt ${event.attempt}: ${earlier} and ${event.runId}`)
    }
    begun.set(event.attempt, event.runId)
  }
}

/** Nobody but the run itself ends an attempt whose begun run is alive. */
function liveWorkIsNotEnded(world: World, { request, events, before }: Handled): void {
  const ends = events.some((event) => event.type === 'completed' || event.type === 'failed')
  if (!ends || 'runId' in request || before.runId === null) return
  const run = world.temporal.started.find((execution) => execution.runId === before.runId)
  if (run?.status === 'running') throw new Error(`live work ended: ${run.runId} by ${JSON.stringify(request)}`)
}

/** What a run of the current attempt has to say is heard until the task is over. */
function workIsNotRefused({ request, answer, before }: Handled): void {
  if (!('runId' in request) || request.attempt !== currentAttempt(before)) return
  const over = before.status === 'completed' || before.status === 'cancelled'
  const isOther = before.runId !== null && before.runId !== request.runId
  if (!answer.ok && !over && !isOther && answer.reason !== 'other_provider_task') {
    throw new Error(`work refused: ${request.status} by ${request.runId} on ${before.status}`)
  }
}

/**
 * What is charged was created for that attempt; what may have been is counted apart. A restore forgets which attempt a
 * resumed task was created by: then it may be charged to the one that resumed it.
 */
function onlyWhatWasMadeIsCharged({ provider, main }: World, { events }: Handled): void {
  if (main.restores > 0) return
  for (const { attempt, amount, basis } of events.flatMap((event) =>
    'charges' in event ? (event.charges ?? []) : [],
  )) {
    if (basis === 'ambiguous' || amount === 0 || provider.tasks.some((task) => task.attempt === attempt)) continue
    throw new Error(`charged for nothing: ${amount} for attempt ${attempt}`)
  }
}

function oneWorkflowPerAttempt(execution: Execution, replaced: Execution | undefined): void {
  if (replaced) throw new Error(`two workflows of attempt ${execution.attempt}`)
}

/**
 * No create while another create of this task runs or has succeeded. Where the provider cannot be asked, an operator's
 * retry takes that risk.
 */
function nothingIsPaidTwice({ provider, main, faults }: World, task: ProviderTaskRecord): void {
  const risked = main.history.some((step) => step.kind === 'request' && step.request.status === 'retry')
  if (faults.blind && risked) return
  const paid = provider.tasks.find((other) => other.status !== 'failed')
  if (paid) throw new Error(`paid twice: ${task.id} created by attempt ${task.attempt} beside ${paid.id}`)
}
