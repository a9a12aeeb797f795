/** A definition's activities: its callbacks, with everything around them that is the same for every provider. */
import { withTimeout } from '../../lib/abort.js'
import { STORING_MS } from '../../protocol/limits.js'
import type { ProviderTask } from '../../protocol/messages.js'
import { providerCallbackUrl } from '../../protocol/provider-callback.js'
import type { ActivityContext } from '../activity-context.js'
import type { LocalConfig, PolledConfig, ProviderConfig } from '../provider/config.js'
import { isLinkExpired } from '../provider/download.js'
import { endOf, unless } from '../provider/error-table.js'
import { asActivityFailure, asCreateFailure, ProviderError } from '../provider/errors.js'
import { withHeartbeat } from '../provider/heartbeat.js'
import { safeFetch } from '../provider/safe-fetch.js'
import { unitsOf } from '../provider/units.js'
import { checkUserUrls } from '../provider/user-urls.js'
import { LISTING_TIMEOUT_MS, type ProviderTaskState, type ProviderTaskStatus } from '../workflow/polled-task.js'
import type { LocalActivities, PolledActivities, SingleActivities } from '../workflow/shared-activities.js'
import { ProviderAccess, type ProviderSide, sectionIn } from './access.js'
import { markOf } from './marks.js'
import type { FetchUserFile, Local, Polled, Reason, Single } from './shapes.js'
import { beforeSending, spending } from './spending.js'
import { DOWNLOAD_TIMEOUT_MS, downloadAgain, isNothingToStore, linksTo, storing } from './storing.js'

/** The most of a request's own time: the rest is for the answer, which is paid for. */
const PREPARING_SHARE = 0.5

export type AnyPolled = Polled<unknown, unknown, unknown, unknown>
export type AnySingle = Single<unknown, unknown, unknown, unknown, unknown>
export type AnyLocal = Local<unknown, unknown, unknown>

export function createPolledActivities(
  polled: AnyPolled,
  side: ProviderSide,
  context: ActivityContext,
): PolledActivities {
  const access = new ProviderAccess<PolledConfig>(side, context)
  const { endpoint, section } = access
  const { requestTimeoutMs, deadlineSeconds, settleSeconds, callbackBaseUrl, onAmbiguousCreate } = section
  const { lookUp } = polled

  const ask = <T>(work: (signal: AbortSignal) => Promise<T>, timeoutMs = requestTimeoutMs) =>
    asActivityFailure(endpoint, withHeartbeat(timeoutMs, work))

  const poll = (id: string, signal: AbortSignal) =>
    unless('missing', null, polled.poll({ ...access.given('read', signal), id }))

  const stateOf = (id: string, job: unknown): ProviderTaskState => {
    const { status, reason } = statusOf(polled, job)
    if (status) return { status, ...endOf(side.errors ?? [], status, reason), ...usedBy(polled, job, status) }
    const message = `Task ${id} has ${wordOf(job)}, which this version does not know`
    throw new ProviderError(message, { code: 'UnknownStatus', kind: 'unavailable' })
  }

  return {
    async providerSettings() {
      const { firstPollSeconds, pollSeconds, maxPollSeconds } = endpoint.simulated ? SIMULATOR_POLLING : section
      const polling = { firstPollSeconds, pollSeconds, maxPollSeconds, settleSeconds }
      const cancels = polled.cancel !== undefined
      return { ...polling, deadlineSeconds, requestTimeoutMs, cancels, ...(onAmbiguousCreate && { onAmbiguousCreate }) }
    },

    async create(request, key, reportUrl) {
      const callbackUrl =
        polled.callbacks && callbackBaseUrl
          ? providerCallbackUrl(callbackBaseUrl, context.internalToken, reportUrl, key)
          : undefined
      const created = withHeartbeat(requestTimeoutMs, async (signal) => {
        await checkUserUrls(access.userUrlsOf(request), signal, access.userUrls)
        const given = access.given('create', signal)
        const id = await spending(given.http, () => polled.create({ ...given, ...markOf(key), request, callbackUrl }))
        if (typeof id === 'string' && id !== '') return id
        throw new ProviderError('The provider gave no id', { code: 'UnreadableAnswer', kind: 'ambiguous' })
      })
      return asCreateFailure(context, endpoint, created)
    },

    /** The task of these attempts that can be resumed, else any other that one of them created. */
    async lookUp(taskKey, attempts) {
      if (lookUp.impossible) return null
      return ask(async (signal) => {
        const marks = attempts.map((attempt) => ({ attempt, mark: markOf({ taskKey, attempt }) }))
        const given = { ...access.given('read', signal), marks: marks.map(({ mark }) => mark) }
        let ended: ProviderTask | null = null
        for await (const job of await lookUp.list(given)) {
          const attempt = marks.find(({ mark }) => lookUp.carries(job, mark))?.attempt
          if (attempt === undefined) continue
          const found = { id: lookUp.id(job), attempt }
          if (!HAS_ENDED.includes(statusOf(polled, job).status)) return found
          ended ??= found
        }
        return ended
      }, LISTING_TIMEOUT_MS)
    },

    async poll(id) {
      const job = await ask((signal) => poll(id, signal).then((job) => (job === null ? null : stateOf(id, job))))
      return job ?? { status: 'gone' }
    },

    async cancel(id) {
      return ask(async (signal) => {
        const given = { ...access.given('read', signal), id, poll: () => poll(id, signal) }
        const answer = (async () => polled.cancel?.(given))()
        return (await unless('tooLate', false, unless('missing', false, answer))) !== false
      })
    },

    async storeResult(id, key, request) {
      return ask(async (signal) => {
        const job = await poll(id, signal)
        if (job === null) return null
        const download = linksTo(access.links, requestTimeoutMs, signal)
        const { store } = storing(context.artifacts, key, { download, signal })
        try {
          return await polled.result({ ...access.given('read', signal), store, id, job, request })
        } catch (error) {
          const isOver = (polled.keptUntil?.(job) ?? Number.POSITIVE_INFINITY) < Date.now() / 1000
          throw isOver && (isLinkExpired(error) || isNothingToStore(error)) ? resultExpired(id) : error
        }
      }, DOWNLOAD_TIMEOUT_MS)
    },
  }
}

/** The simulator is fast, and may be polled often. */
const SIMULATOR_POLLING = { firstPollSeconds: 1, pollSeconds: 1, maxPollSeconds: 10 }
/** A task with an unknown status may still succeed. */
const HAS_ENDED: Array<ProviderTaskStatus | undefined> = ['failed', 'cancelled', 'expired']

export function createSingleActivities(
  single: AnySingle,
  side: ProviderSide,
  context: ActivityContext,
): SingleActivities {
  const access = new ProviderAccess<ProviderConfig>(side, context)
  const { endpoint, section } = access
  const { requestTimeoutMs, deadlineSeconds, onAmbiguousCreate = single.lookUp.onAmbiguousCreate } = section
  const { artifacts } = context

  return {
    async providerSettings() {
      return { deadlineSeconds, requestTimeoutMs, onAmbiguousCreate }
    },

    async createResult(request, key, { tellsUnits = false } = {}) {
      const made = withHeartbeat(requestTimeoutMs + STORING_MS, async (signal) => {
        const answer = await withTimeout(requestTimeoutMs, [signal], async (soon) => {
          const prepared = await beforeSending(PREPARING_SHARE * requestTimeoutMs, soon, async (sooner) => {
            await artifacts.prepare(sooner)
            await checkUserUrls(access.userUrlsOf(request), sooner, access.userUrls)
            const fetchUserFile: FetchUserFile = (url, limits) => safeFetch(url, limits, sooner, access.userLinks)
            return single.prepare?.({ ...access.given('prepare', sooner), request, fetchUserFile })
          })
          const given = access.given('create', soon)
          return spending(given.http, () => single.create({ ...given, request, prepared }))
        })
        const download = (link: URL | string) => downloadAgain(link, access.links, signal)
        const { store } = storing(artifacts, key, { download, signal })
        const given = { ...access.given('read', signal), request, store, download }
        const units = unitsOf(() => single.usage?.(answer))
        const result = spending({ hasSpent: true }, () => single.result({ ...given, answer }))
        result.catch((error: unknown) => {
          if (error instanceof ProviderError) error.units ??= units
        })
        return tellsUnits && units ? { $result: await result, $units: units } : result
      })
      return asCreateFailure(context, endpoint, made)
    },
  }
}

export function createLocalActivities(
  local: AnyLocal,
  { namespace, name }: Pick<ProviderSide, 'namespace' | 'name'>,
  context: ActivityContext,
): LocalActivities {
  const settings = sectionIn<LocalConfig & { deadlineSeconds: number }>(context, namespace, name)
  const timeoutMs = settings.deadlineSeconds * 1000
  return {
    async localSettings() {
      return { deadlineSeconds: settings.deadlineSeconds }
    },

    async work(request, key) {
      return withHeartbeat(timeoutMs, async (signal) => {
        const { store } = storing(context.artifacts, key, { signal })
        return local.run({ request, settings, signal, store })
      })
    },
  }
}

function statusOf(polled: AnyPolled, job: unknown): { status: ProviderTaskStatus | undefined; reason?: Reason } {
  const said = polled.status(job)
  return typeof said === 'object' ? said : { status: said }
}

function usedBy(polled: AnyPolled, job: unknown, status: ProviderTaskStatus): Pick<ProviderTaskState, 'units'> {
  const units = status === 'queued' || status === 'running' ? undefined : unitsOf(() => polled.usage?.(job))
  return units ? { units } : {}
}

/** The provider's own code for it, if there is one. */
function wordOf(job: unknown): string {
  const { status, state } = (job ?? {}) as Record<string, unknown>
  const word = status ?? state
  return typeof word === 'string' ? `the status "${word}"` : 'a status'
}

/** Final: to create it again is a second charge, which an operator has to decide. */
function resultExpired(id: string): ProviderError {
  const message = `What task ${id} made was not copied while the provider kept it`
  return new ProviderError(message, { code: 'result_expired', kind: 'refused' })
}
