/** The base of every pull integration: makes everything that main and the daemon need from a small definition. */
import type { Controller } from 'interaqt'
import type { z } from 'zod'
import type { RemovalBatch } from '../tasks/ended-tasks.js'
import type { OperatedTasks } from '../tasks/operators/index.js'
import type { DueWebhooks } from '../tasks/webhooks.js'
import type {
  API,
  IIntegration,
  IIntegrationConstructor,
  IIntegrationConstructorArgs,
  PullModeConfig,
} from './index.js'
import { MainSide } from './main-side.js'
import type { PullIntegrationDefinition, PullIntegrationOptions } from './pull-definition.js'
import { pullModeOf } from './pull-mode.js'

export type { PullIntegrationDefinition, PullIntegrationOptions, TaskSource } from './pull-definition.js'

/** Makes the integration class of a definition. */
export function createPullIntegration<Params extends z.ZodObject, Result extends z.ZodType>(
  definition: PullIntegrationDefinition<Params, Result>,
  options: PullIntegrationOptions<z.input<Params>>,
): IIntegrationConstructor {
  return class PullIntegration implements IIntegration {
    readonly #args: IIntegrationConstructorArgs
    readonly #main: MainSide<Params, Result>

    constructor(args: IIntegrationConstructorArgs) {
      this.#args = args
      this.#main = new MainSide(args, definition, options)
    }

    async configure(): Promise<void> {
      this.#main.addToModel()
    }

    setup(controller: Controller): Promise<void> {
      return this.#main.setup(controller)
    }

    removeEnded(_controller: Controller, batch: RemovalBatch): Promise<number> {
      return this.#main.removeEnded(batch)
    }

    operated(): OperatedTasks {
      return this.#main.operated()
    }

    webhooks(): DueWebhooks {
      return this.#main.webhooks()
    }

    createSideEffects(): [] {
      return []
    }

    createAPIs(): API[] {
      return this.#main.createAPIs()
    }

    getPullModeConfig(): PullModeConfig<z.output<Params>> | null {
      return pullModeOf(this.#args.namespace, definition, options)
    }
  }
}
