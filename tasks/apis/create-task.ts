/** `POST <createName>`: creates the business record that requests a task. */
import { z } from 'zod'
import { type API, createAPI } from '../../lib/api.js'
import { MAX_PRIORITY } from '../../protocol/limits.js'
import { fitting } from '../request-size.js'
import type { TaskSource } from '../task-source.js'
import { type WebhookOptions, webhookUrlSchema } from '../webhooks.js'
import type { PublicAPIOptions } from './task-view.js'

export interface CreateTaskOptions extends PublicAPIOptions {
  /** The business entity whose record requests a task. */
  source: Required<Pick<TaskSource<object>, 'api'>> & Omit<TaskSource<object>, 'api' | 'toRequestParams'>
  /** How webhooks are delivered; undefined where they are not. */
  webhooks: WebhookOptions | undefined
  requestSchema: z.ZodObject
}

/** The end of the century: a larger number is a mistake, probably milliseconds. */
const dueAtSchema = z.number().min(0).max(4_102_444_800, 'must be in unix seconds, not in milliseconds')

const prioritySchema = z
  .number()
  .int()
  .min(-MAX_PRIORITY)
  .max(MAX_PRIORITY)
  .describe('Tasks of a higher priority begin first, and of one priority the oldest; 0 if not given')

export function createCreateTaskAPI({ namespace, store, source, webhooks, requestSchema }: CreateTaskOptions): API {
  const { dueAtProperty, priorityProperty, webhookProperty, userProperty, api } = source
  const { createName } = api
  const params = requestSchema.safeExtend({
    ...(dueAtProperty && { dueAt: dueAtSchema.optional() }),
    ...(priorityProperty && { priority: prioritySchema.optional() }),
    ...(webhookProperty &&
      webhooks && { webhook: webhookUrlSchema(webhooks.privateHosts).optional().describe('Told of the end') }),
  })
  return createAPI({
    name: createName,
    namespace,
    summary: `Ask for a ${namespace} task${dueAtProperty ? ', at once or at `dueAt` (unix seconds)' : ''}`,
    params,
    takesIdempotencyKey: true,
    answer: z.object({ taskId: z.string() }),
    async callback({ user, idempotencyKey: key }, { dueAt, priority, webhook, ...params }) {
      const userId = user?.id ?? null
      const given = [
        [dueAtProperty, dueAt],
        [priorityProperty, priority],
        [webhookProperty, webhook],
      ].filter(([property, value]) => property !== undefined && value !== undefined)
      const record = { ...api.toRecord(fitting(params)), ...Object.fromEntries(given), [userProperty]: userId }
      const asked = { ...params, dueAt, priority, webhook }
      const keyed = key === undefined ? undefined : { key, api: `${namespace}/${createName}`, params: asked }
      return { taskId: await store().create({ entity: source.entityName, record, userId }, keyed) }
    },
  })
}
