/** The definitions' workflows. Integrations differ in their activities, which have the same names. */
import { CancellationScope, patched, proxyActivities, proxyLocalActivities, workflowInfo } from '@temporalio/workflow'
import type { AttemptInput, AttemptOutcome } from '../../protocol/attempt.js'
import { EARLIER_NAMES } from './earlier-names.js'
import { Patience } from './patience.js'
import { readAllWithin, readWithin, requestOnce, storeResult } from './provider-activities.js'
import { runProviderTask, type TaskProvider } from './provider-task-job.js'
import { runAttempt } from './run-attempt.js'
import type { Accounted, LocalActivities, PolledActivities, SingleActivities } from './shared-activities.js'
import { createWithoutLookUp, type LookUp, type NoLookUp } from './unanswered-create.js'

const SETTINGS = { startToCloseTimeout: '10 seconds' } as const

/** Has the provider create a task, waits for it and stores its result; resumes the task of an earlier attempt. */
export async function polledWorkflow(input: AttemptInput): Promise<AttemptOutcome> {
  const { requestParams, taskKey, attempt, callbackUrl } = input
  const key = { taskKey, attempt }
  return runAttempt(input, async (run) => {
    const named = namesOfRun()
    const { providerSettings } = named(proxyLocalActivities<PolledActivities>(SETTINGS))
    // Also in a cancelled run, which looks up what it has to cancel.
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
 * Sends one long request, and stores its result. There are no tasks to look up: if an answer was lost, in this attempt
 * or an earlier one, nobody knows whether anything was created, and the configuration decides what to do.
 */
export async function singleWorkflow(input: AttemptInput): Promise<AttemptOutcome> {
  const { requestParams, taskKey, attempt } = input
  return runAttempt(input, async (run) => {
    const named = namesOfRun()
    const settings = await named(proxyLocalActivities<SingleActivities>(SETTINGS)).providerSettings()
    const lookUp: NoLookUp = { impossible: true, onAmbiguousCreate: settings.onAmbiguousCreate ?? 'fail' }
    const provider = named(requestOnce<SingleActivities>(settings))
    const patience = new Patience(run, input, settings.deadlineSeconds)
    // If main refuses, nothing is spent. The create intent stays open: the answer can still be lost. Runs that began
    // with 0.1.0 report only once the image is there.
    const tellsBefore = patched('processing-before-the-request')
    if (tellsBefore) await run.reportProcessing()
    const made = await createWithoutLookUp(patience, run.begun.openIntents, lookUp, () =>
      provider.createResult(requestParams, { taskKey, attempt }, { tellsUnits: true }),
    )
    if (!tellsBefore) await run.reportProcessing()
    if (!isAccounted(made)) return made
    run.noteUsage(attempt, made.$units)
    return made.$result
  })
}

function isAccounted(made: unknown): made is Accounted {
  return typeof made === 'object' && made !== null && '$result' in made && '$units' in made
}

/** Work without a provider, which costs nothing: if its worker dies, another repeats it. */
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

/** Runs that began when each integration named its activities itself continue with those names. */
function namesOfRun(): <Activities extends object>(activities: Activities) => Activities {
  const earlier = EARLIER_NAMES[workflowInfo().workflowType]
  if (!earlier || patched('shared-activities')) return (activities) => activities
  return (activities) =>
    new Proxy(activities, {
      get: (target, name) => Reflect.get(target, typeof name === 'string' ? (earlier[name] ?? name) : name),
    })
}
