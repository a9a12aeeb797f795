/** Parts of the application's model, in short. */
import { Entity, type EntityInstance, Property } from 'interaqt'

export const text = (name: string) => Property.create({ name, type: 'string' })
export const number = (name: string) => Property.create({ name, type: 'number' })
export const object = (name: string) => Property.create({ name, type: 'object' })

/** Adds an entity, unless the model has it. */
export function addOnce(
  entities: EntityInstance[],
  name: string,
  make: () => Omit<Parameters<typeof Entity.create>[0], 'name'>,
): void {
  if (!entities.some((entity) => entity.name === name)) entities.push(Entity.create({ name, ...make() }))
}
