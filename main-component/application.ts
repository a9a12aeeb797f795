/** The interaqt application: its own model, and what its integrations add. */
import { Controller } from 'interaqt'
import type { Logger } from 'pino'
import * as backend from '../backend/index.js'
import type { AppConfig } from '../config.js'
import { createApplicationIntegrations } from '../integrations/entries/application.js'
import type { PullIntegrationOptions } from '../integrations/pull-integration.js'
import { DatabaseSystem } from '../tasks/database/sql.js'
import { prepareRemoval } from '../tasks/ended-tasks.js'
import type { OpenedDatabase } from './database.js'

export type RunAccess = NonNullable<PullIntegrationOptions<unknown>['runs']>

/** Makes the application over a database, without touching it yet. */
export async function createApplication(config: AppConfig, database: OpenedDatabase, logger: Logger, runs?: RunAccess) {
  const Integrations = createApplicationIntegrations(config, runs)
  const model = {
    entities: [...backend.entities],
    relations: [...backend.relations],
    activities: [...backend.activities],
    interactions: [...backend.interactions],
    dict: [...backend.dicts],
  }
  const integrations = new Integrations({ ...model, logger })
  await integrations.configure()
  const system = new DatabaseSystem(database.driver)
  const controller = new Controller({
    system,
    entities: model.entities,
    relations: model.relations,
    eventSources: model.interactions,
    dict: model.dict,
    recordMutationSideEffects: integrations.createSideEffects(),
  })
  return {
    controller,
    system,
    integrations,
    /** Call it once the model is in the database. */
    async setUp(): Promise<void> {
      await prepareRemoval(controller)
      await integrations.setup(controller)
    },
  }
}
