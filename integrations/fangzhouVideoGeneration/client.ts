/** Ark's task API: create, get, list, delete. https://www.volcengine.com/docs/82379/1520758 */

import { withTimeout } from '../../lib/abort.js'
import type { ProviderEndpoint } from '../../provider-kit/provider/config.js'
import { ProviderError } from '../../provider-kit/provider/errors.js'
import { readAnswer, requestProvider } from '../../provider-kit/provider/http.js'
import { type ArkTask, arkTaskSchema, createAnswerSchema, listAnswerSchema } from './answers.js'
import { answerError, isMissingTask, isTooLate } from './errors.js'
import { type CreateOptions, longestDuration, toArkRequest } from './request.js'
import type { VideoRequest } from './schemas.js'

const PATH = '/contents/generations/tasks'
/** The most that Ark gives, of both. */
const PAGE_SIZE = 500
const MAX_PAGES = 500

/** Which of the tasks of the last 7 days are listed; all that are left out are listed. */
export interface ListFilter {
  status?: string
  taskIds?: string[]
  /** What was given as the model, which answers need not repeat: an endpoint's id, for one. */
  model?: string
  /** Left out, Ark lists those of `default` only. */
  serviceTier?: 'default' | 'flex'
}

export interface ArkClient {
  create(request: VideoRequest, options: CreateOptions, signal: AbortSignal): Promise<{ id: string }>
  /** Null if the provider says that there is no such task. */
  get(id: string, signal: AbortSignal): Promise<ArkTask | null>
  /**
   * Reads page after page, each within the endpoint's `requestTimeoutMs`, as far as it is asked for; a task may come
   * twice while others are created.
   */
  list(filter: ListFilter, signal: AbortSignal): AsyncGenerator<ArkTask, void>
  /**
   * Cancels a queued task; deletes the record of one that has ended. False if it is running, was cancelled before,
   * or is not there.
   */
  delete(id: string, signal: AbortSignal): Promise<boolean>
}

/** Every method throws a `ProviderError`; only a create's can be other than `unavailable`. */
export function createArkClient(endpoint: ProviderEndpoint): ArkClient {
  return {
    async create(video, options, signal) {
      refuseTooLong(video, endpoint.model)
      const body = toArkRequest(video, endpoint.model, options)
      const answer = await requestProvider(endpoint, 'POST', PATH, signal, body)
      if (!answer.ok) throw answerError(answer, 'create')
      return readAnswer(createAnswerSchema, answer, 'ambiguous')
    },

    async get(id, signal) {
      const answer = await requestProvider(endpoint, 'GET', `${PATH}/${encodeURIComponent(id)}`, signal)
      if (isMissingTask(answer)) return null
      if (!answer.ok) throw answerError(answer, 'read')
      return readAnswer(arkTaskSchema, answer, 'unavailable')
    },

    async *list(filter, signal) {
      let before = 0
      for (let page = 1; page <= MAX_PAGES; page++) {
        const path = `${PATH}?${listQuery(filter, page)}`
        const answer = await withTimeout(endpoint.requestTimeoutMs, [signal], (soon) =>
          requestProvider(endpoint, 'GET', path, soon),
        )
        if (!answer.ok) throw answerError(answer, 'read')
        const { items, total } = readAnswer(listAnswerSchema, answer, 'unavailable')
        // Past the end Ark might count nothing.
        if (total && total < before) throw listShrank()
        before = total ?? before
        // A page may be shorter than asked for; only an empty one is the end.
        if (!items?.length) return
        yield* items
      }
      const message = `The list of tasks is longer than ${MAX_PAGES} pages of ${PAGE_SIZE}`
      throw new ProviderError(message, { code: 'ListTooLong', kind: 'unavailable' })
    },

    async delete(id, signal) {
      const answer = await requestProvider(endpoint, 'DELETE', `${PATH}/${encodeURIComponent(id)}`, signal)
      if (isMissingTask(answer) || isTooLate(answer)) return false
      if (!answer.ok) throw answerError(answer, 'read')
      return true
    },
  }
}

/** What stood on a page to come may stand on one that was read, and would be missed. */
function listShrank(): ProviderError {
  return new ProviderError('The list of tasks became shorter while it was read', {
    code: 'ListShrank',
    kind: 'unavailable',
  })
}

function listQuery({ status, taskIds = [], model, serviceTier }: ListFilter, page: number): URLSearchParams {
  const query = new URLSearchParams({ page_num: String(page), page_size: String(PAGE_SIZE) })
  if (status !== undefined) query.set('filter.status', status)
  if (model !== undefined) query.set('filter.model', model)
  if (serviceTier !== undefined) query.set('filter.service_tier', serviceTier)
  for (const id of taskIds) query.append('filter.task_ids', id)
  return query
}

/** Main does not know which model its daemons use. */
function refuseTooLong({ duration }: VideoRequest, model: string): void {
  const longest = longestDuration(model)
  if (duration === undefined || longest === undefined || duration <= longest) return
  const message = `duration: ${model} makes at most ${longest} seconds, not ${duration}`
  throw new ProviderError(message, { code: 'InvalidParameter.duration', kind: 'refused' })
}
