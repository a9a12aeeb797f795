/** Ark as the integration asks it, each request by itself. */
import type { Artifact } from '@/artifacts/artifact.js'
import type { ArkTask } from '@/integrations/fangzhouVideoGeneration/answers.js'
import { fangzhouVideoGeneration } from '@/integrations/fangzhouVideoGeneration/index.js'
import type { VideoRequest } from '@/integrations/fangzhouVideoGeneration/schemas.js'
import type { Mark } from '@/provider-kit/definition/shapes.js'
import type { ProviderEndpoint } from '@/provider-kit/provider/config.js'
import { endOf, type Purpose, unless } from '@/provider-kit/provider/error-table.js'
import { createHttp } from '@/provider-kit/provider/http.js'

const { polled, side } = fangzhouVideoGeneration.asked
if (!polled || polled.lookUp.impossible) throw new Error('Ark is polled, and lists its tasks')
const { lookUp, create, poll, cancel, status, result } = polled
const { errors = [] } = side

export const videoRequestSchema = fangzhouVideoGeneration.requestSchema()

export interface ArkClient {
  create(request: VideoRequest, options: CreateOptions, signal: AbortSignal): Promise<{ id: string }>
  get(id: string, signal: AbortSignal): Promise<ArkTask | null>
  list(signal: AbortSignal): AsyncGenerator<ArkTask>
  /** Of a task that is queued. */
  delete(id: string, signal: AbortSignal): Promise<boolean>
}

interface CreateOptions {
  mark: Mark
  deadlineSeconds: number
  callbackUrl?: string
}

export function createArkClient(endpoint: ProviderEndpoint): ArkClient {
  const given = (purpose: Purpose, signal: AbortSignal, settings = {}) => {
    const { model, simulated } = endpoint
    return {
      http: createHttp({ integration: 'ark', endpoint, purpose, signal, errors }),
      settings,
      model,
      simulated,
      signal,
    }
  }
  return {
    async create(request, { mark, deadlineSeconds, callbackUrl }, signal) {
      const asked = { ...given('create', signal, { deadlineSeconds }), ...mark, request, callbackUrl }
      return { id: await create(asked) }
    },
    get: (id, signal) => unless('missing', null, poll({ ...given('read', signal), id })) as Promise<ArkTask | null>,
    list: (signal) => lookUp.list({ ...given('read', signal), marks: [] }) as AsyncGenerator<ArkTask>,
    async delete(id, signal) {
      const queued = { ...given('read', signal), id, poll: async () => ({ status: 'queued' }) }
      const deleted = cancel?.(queued) ?? Promise.resolve()
      return (await unless('tooLate', false, unless('missing', false, deleted))) !== false
    },
  }
}

/** Why a task has ended, and whether another try may fare better. */
export function taskFailure(task: ArkTask) {
  const said = status(task)
  if (typeof said !== 'object') throw new Error('A reason comes with it')
  return endOf(errors, task.status, said.reason)
}

/** What a task results in whose files are stored as this. */
export function resultOf(task: ArkTask, asked: VideoRequest | undefined, video: Artifact): Promise<unknown> {
  const signal = new AbortController().signal
  const endpoint = { baseUrl: 'http://ark', apiKey: 'k', model: 'm', requestTimeoutMs: 1, simulated: false }
  const http = createHttp({ integration: 'ark', endpoint, purpose: 'read', signal })
  const given = { http, settings: {}, model: 'm', simulated: false, signal, store: async () => video }
  return result({ ...given, id: task.id, job: task, request: asked })
}
