/** The application: what its users ask for. Integrations add what it takes to fulfil that. */
import type { MiddlewareHandler } from 'hono'
import {
  type ActivityInstance,
  type DictionaryInstance,
  Entity,
  type InteractionInstance,
  Property,
  type RelationInstance,
} from 'interaqt'

/** What every request for a task has. */
const ofRequest = () => [
  Property.create({ name: 'options', type: 'object' }),
  /** Unix seconds before which nothing is to be done; null for at once. */
  Property.create({ name: 'dueAt', type: 'number' }),
  /** Tasks of a higher one begin first; null for 0. */
  Property.create({ name: 'priority', type: 'number' }),
  /** The user who asked, and to whom alone the task is shown; null for nobody in particular. */
  Property.create({ name: 'userId', type: 'string' }),
  /** The URL that is told of the end; null for none. */
  Property.create({ name: 'webhook', type: 'string' }),
]

/** A request that has a column for the prompt, and keeps the rest as `options`. */
const promptEntity = (name: string) =>
  Entity.create({ name, properties: [Property.create({ name: 'prompt', type: 'string' }), ...ofRequest()] })

const VideoGeneration = promptEntity('VideoGeneration')
const ImageGeneration = promptEntity('ImageGeneration')

/** A task that exercises the whole path and asks no provider for anything. */
const TestTask = Entity.create({
  name: 'TestTask',
  properties: ofRequest(),
})

export const entities = [VideoGeneration, ImageGeneration, TestTask]
export const relations: RelationInstance[] = []
export const interactions: InteractionInstance[] = []
export const activities: ActivityInstance[] = []
export const dicts: DictionaryInstance[] = []
/** What every request to `/api` goes through. In the auth mode `application`, one of them sets `user`. */
export const middlewares: MiddlewareHandler[] = []
