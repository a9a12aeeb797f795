/** The base of every pull integration: makes everything that main and the daemon need from a small definition. */
import type { z } from 'zod'
import type { IIntegrationConstructor, IIntegrationConstructorArgs } from './index.js'
import { PullIntegration } from './main-side.js'
import type { PullIntegrationDefinition, PullIntegrationOptions } from './pull-definition.js'

export type { TaskSource } from '../tasks/task-source.js'
export type { PullIntegrationDefinition, PullIntegrationOptions } from './pull-definition.js'

/** Makes the integration class of a definition. */
export function createPullIntegration<Params extends z.ZodObject, Result extends z.ZodType>(
  definition: PullIntegrationDefinition<Params, Result>,
  options: PullIntegrationOptions<z.input<Params>>,
): IIntegrationConstructor {
  return class extends PullIntegration<Params, Result> {
    constructor(args: IIntegrationConstructorArgs) {
      super(args, definition, options)
    }
  }
}
