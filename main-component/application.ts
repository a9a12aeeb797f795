/** The interaqt application: its own model, and what its integrations add. */
import { Controller } from 'interaqt'
import type { Logger } from 'pino'
import type { Application } from '../application/define.js'
import { createApplicationIntegrations } from '../application/integrations.js'
import type { AppConfig } from '../config/schema.js'
import type { PullIntegrationOptions } from '../integrations/pull-integration.js'
import { DatabaseSystem } from '../tasks/database/sql.js'
import { prepareRemoval } from '../tasks/ended-tasks.js'
import type { OpenedDatabase } from './database.js'

export type RunAccess = NonNullable<PullIntegrationOptions<unknown>['runs']>

/** Makes the model of an application with its integrations, for a Controller to be made with. */
export async function createModel(application: Application, config: AppConfig, logger: Logger, runs?: RunAccess) {
  const own = await application.model()
  const entities = [...(own.entities ?? [])]
  const relations = [...(own.relations ?? [])]
  const interactions = [...(own.interactions ?? [])]
  const dict = [...(own.dicts ?? [])]
  const Integrations = createApplicationIntegrations(application, own.sources, config, runs)
  const added = { entities, relations, activities: [...(own.activities ?? [])], interactions, dict }
  const integrations = new Integrations({ ...added, logger })
  await integrations.configure()
  return {
    integrations,
    middlewares: [...(own.middlewares ?? []), ...integrations.createMiddlewares()],
    model: {
      entities,
      relations,
      eventSources: interactions,
      dict,
      recordMutationSideEffects: integrations.createSideEffects(),
    },
    /** Call it once the model is in the database. */
    async setUp(controller: Controller): Promise<void> {
      await prepareRemoval(controller)
      await integrations.setup(controller)
    },
  }
}

/** Makes the application over a database, without touching it yet. */
export async function createApplication(
  application: Application,
  config: AppConfig,
  database: OpenedDatabase,
  logger: Logger,
) {
  const { model, integrations, setUp } = await createModel(application, config, logger)
  const system = new DatabaseSystem(database.driver)
  const controller = new Controller({ system, ...model })
  return { controller, system, integrations, setUp: () => setUp(controller) }
}
