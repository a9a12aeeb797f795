/** `POST <createName>`: creates the business record that requests a task. */
import { z } from 'zod'
import { type API, createAPI } from '../../lib/api.js'
import { MAX_PRIORITY } from '../../protocol/limits.js'
import { fitting } from '../request-size.js'
import { type WebhookOptions, webhookUrlSchema } from '../webhooks.js'
import type { PublicAPIOptions } from './task-view.js'

export interface CreateTaskOptions extends PublicAPIOptions {
  /** The name of the API, such as `generate`. */
  createName: string
  /** The business entity whose record requests a task. */
  sourceEntity: string
  /** Its property for the time at which the task becomes due. Without it, tasks cannot be delayed. */
  dueAtProperty: string | undefined
  /** Its property for the task's priority. Without it, all have the same. */
  priorityProperty: string | undefined
  /** Its property for the task's user. */
  userProperty: string
  /** Its property for the URL that is told of the end. Without it, tasks have no webhooks. */
  webhookProperty: string | undefined
  /** How webhooks are delivered; undefined where they are not. */
  webhooks: WebhookOptions | undefined
  toRecord(params: unknown): Record<string, unknown>
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

export function createCreateTaskAPI(options: CreateTaskOptions): API {
  const { namespace, createName, store, sourceEntity, dueAtProperty, userProperty, toRecord, requestSchema } = options
  const { priorityProperty, webhookProperty, webhooks } = options
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
      const delay = dueAtProperty !== undefined && dueAt !== undefined ? { [dueAtProperty]: dueAt } : {}
      const ranked = priorityProperty !== undefined && priority !== undefined ? { [priorityProperty]: priority } : {}
      const told = webhookProperty !== undefined && webhook !== undefined ? { [webhookProperty]: webhook } : {}
      const record = { ...toRecord(fitting(params)), ...delay, ...ranked, ...told, [userProperty]: userId }
      const keyed =
        key === undefined
          ? undefined
          : { key, api: `${namespace}/${createName}`, params: { ...params, dueAt, priority, webhook } }
      return { taskId: await store().create({ entity: sourceEntity, record, userId }, keyed) }
    },
  })
}
