import type { Controller } from 'interaqt'
import { createClaimableIndexes } from './claimable.js'
import { createIndex, physicalEntity } from './database/sql.js'
import type { CallEntityNames } from './entities.js'
import { isOpen } from './open-tasks-limit.js'

/** Makes the indexes that interaqt cannot declare. May run again and again, and from several processes. */
export async function createTaskIndexes(
  controller: Controller,
  names: CallEntityNames,
  sourceRelation?: string,
): Promise<void> {
  const calls = physicalEntity(controller, names.apiCall)
  const events = physicalEntity(controller, names.integrationEvent)
  await createClaimableIndexes(controller, names)
  await createIndex(controller, {
    name: `${names.apiCall}_by_key`,
    table: calls.table,
    keys: calls.column('taskKey'),
  })
  await createIndex(controller, {
    name: `${names.apiCall}_open`,
    table: calls.table,
    keys: calls.column('userId'),
    where: isOpen(calls),
  })
  await createIndex(controller, {
    name: `${names.apiCall}_unchecked`,
    table: calls.table,
    keys: calls.column('uncheckedSince'),
    where: `${calls.column('uncheckedSince')} IS NOT NULL`,
  })
  await createIndex(controller, {
    name: `${names.integrationEvent}_of_call`,
    table: events.table,
    keys: events.column('apiCallId'),
  })
  if (sourceRelation !== undefined) {
    const link = physicalEntity(controller, sourceRelation)
    await createIndex(controller, {
      name: `${names.apiCall}_of_source`,
      table: link.table,
      keys: link.column('target'),
    })
  }
}
