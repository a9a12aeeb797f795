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

/** Unix seconds before which nothing is to be done; null for at once. */
const dueAt = () => Property.create({ name: 'dueAt', type: 'number' })

/** The user who asked, and to whom alone the task is shown; null for nobody in particular. */
const userId = () => Property.create({ name: 'userId', type: 'string' })

/** The URL that is told of the end; null for none. */
const webhook = () => Property.create({ name: 'webhook', type: 'string' })

/** A video that somebody asked for: its prompt, and what else they chose. */
const VideoGeneration = Entity.create({
  name: 'VideoGeneration',
  properties: [
    Property.create({ name: 'prompt', type: 'string' }),
    Property.create({ name: 'options', type: 'object' }),
    dueAt(),
    userId(),
    webhook(),
  ],
})

/** An image that somebody asked for: its prompt, and what else they chose. */
const ImageGeneration = Entity.create({
  name: 'ImageGeneration',
  properties: [
    Property.create({ name: 'prompt', type: 'string' }),
    Property.create({ name: 'options', type: 'object' }),
    dueAt(),
    userId(),
    webhook(),
  ],
})

/** A task that exercises the whole path and asks no provider for anything. */
const TestTask = Entity.create({
  name: 'TestTask',
  properties: [Property.create({ name: 'options', type: 'object' }), dueAt(), userId(), webhook()],
})

export const entities = [VideoGeneration, ImageGeneration, TestTask]
export const relations: RelationInstance[] = []
export const interactions: InteractionInstance[] = []
export const activities: ActivityInstance[] = []
export const dicts: DictionaryInstance[] = []
/** What every request to `/api` goes through. In the auth mode `application`, one of them sets `user`. */
export const middlewares: MiddlewareHandler[] = []
