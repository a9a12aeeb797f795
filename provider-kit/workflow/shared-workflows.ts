/** The workflows of definitions. What differs between integrations is in their activities, which have the same names. */
import { CancellationScope, patched, proxyActivities, proxyLocalActivities, workflowInfo } from '@temporalio/workflow'
import type { AttemptInput, AttemptOutcome } from '../../protocol/attempt.js'
import { EARLIER_NAMES } from './earlier-names.js'
import { Patience } from './patience.js'
import { readAllWithin, readWithin, requestOnce, storeResult } from './provider-activities.js'
import { runProviderTask, type TaskProvider } from './provider-task-job.js'
import { runAttempt } from './run-attempt.js'
import type { LocalActivities, PolledActivities, SingleActivities } from './shared-activities.js'
import { createWithoutLookUp, type LookUp, type NoLookUp } from './unanswered-create.js'

const SETTINGS = { startToCloseTimeout: '10 seconds' } as const

/** Has the provider make something, waits for it and stores it; goes on with what an earlier attempt had made. */
export async function polledWorkflow(input: AttemptInput): Promise<AttemptOutcome> {
  const { requestParams, taskKey, attempt, callbackUrl } = input
  const key = { taskKey, attempt }
  return runAttempt(input, async (run) => {
    const named = namesOfRun()
    const { providerSettings } = named(proxyLocalActivities<PolledActivities>(SETTINGS))
    // Also in a cancelled run, which looks up what there is to cancel.
    const settings = await CancellationScope.nonCancellable(() => providerSettings())
    const { onAmbiguousCreate, cancels = true } = settings
    const once = named(requestOnce<PolledActivities>(settings))
    const lookUp: LookUp = onAmbiguousCreate
      ? { impossible: true, onAmbiguousCreate }
      : {
          find: (attempts, leftMs) => named(readAllWithin<PolledActivities>(leftMs)).lookUp(taskKey, attempts),
        }
    const provider: TaskProvider = {
      create: () => once.create(requestParams, key, callbackUrl),
      get: (id, leftMs) => named(readWithin<PolledActivities>(settings, leftMs)).poll(id),
      lookUp,
      cancel: async (id) => cancels && once.cancel(id),
    }
    const { storeResult: store } = named(storeResult<PolledActivities>())
    return runProviderTask(run, input, provider, settings, (id) => store(id, key, requestParams))
  })
}

/**
 * Has one long request answered, and its result stored. There are no tasks to look up: whether a request whose answer
 * was lost made something, in this attempt or an earlier one, stays unknown, and the configuration says what to do then.
 */
export async function singleWorkflow(input: AttemptInput): Promise<AttemptOutcome> {
  const { requestParams, taskKey, attempt } = input
  return runAttempt(input, async (run) => {
    const named = namesOfRun()
    const settings = await named(proxyLocalActivities<SingleActivities>(SETTINGS)).providerSettings()
    const lookUp: NoLookUp = { impossible: true, onAmbiguousCreate: settings.onAmbiguousCreate ?? 'fail' }
    const provider = named(requestOnce<SingleActivities>(settings))
    const patience = new Patience(run, input, settings.deadlineSeconds)
    // Nothing is spent where main refuses. The create intent stays open: the answer can still be lost. Runs that 0.1.0
    // began told main once the image was there.
    const tellsBefore = patched('processing-before-the-request')
    if (tellsBefore) await run.reportProcessing()
    const result = await createWithoutLookUp(patience, run.begun.openIntents, lookUp, () =>
      provider.createResult(requestParams, { taskKey, attempt }),
    )
    if (!tellsBefore) await run.reportProcessing()
    return result
  })
}

/** Work that asks nobody and costs nothing: where its worker dies, another does it again. */
export async function localWorkflow(input: AttemptInput): Promise<AttemptOutcome> {
  const { requestParams, taskKey, attempt } = input
  return runAttempt(
    input,
    async (run) => {
      await run.reportProcessing()
      const { deadlineSeconds } = await proxyLocalActivities<LocalActivities>(SETTINGS).localSettings()
      const { work } = proxyActivities<LocalActivities>({
        scheduleToCloseTimeout: deadlineSeconds * 1000,
        heartbeatTimeout: '30 seconds',
        retry: { initialInterval: '1 second', maximumAttempts: 3 },
      })
      return work(requestParams, { taskKey, attempt })
    },
    { createIntent: false },
  )
}

/** Runs that began when each integration named its activities itself go on by those names. */
function namesOfRun(): <Activities extends object>(activities: Activities) => Activities {
  const earlier = EARLIER_NAMES[workflowInfo().workflowType]
  if (!earlier || patched('shared-activities')) return (activities) => activities
  return (activities) =>
    new Proxy(activities, {
      get: (target, name) => Reflect.get(target, typeof name === 'string' ? (earlier[name] ?? name) : name),
    })
}
