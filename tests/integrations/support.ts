import { activities, dicts, entities, interactions, relations } from '@/backend/index.js'
import AggregatedIntegrationClass from '@/integrations/entries/index.js'

/** The application's integrations, made as an application makes them. */
export function makeIntegrations() {
  return new AggregatedIntegrationClass({
    entities: [...entities],
    relations: [...relations],
    activities,
    interactions,
    dict: dicts,
  })
}
