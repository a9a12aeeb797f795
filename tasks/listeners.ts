/** Who follows the changes of an integration's two entities, besides their own state machines. */
import type { Controller } from 'interaqt'
import { physicalEntity } from './database/sql.js'
import { type CallEntityNames, STATE_COLUMNS } from './entities.js'

/** The properties that a state machine computes. */
const MACHINES = ['status', 'state']

/** The columns that hold the status: the property's own, and what each state machine keeps for itself. */
export function statusColumns(controller: Controller, { apiCall }: CallEntityNames): string[] {
  return ['status', ...machineStates(apiCall)].map(physicalEntity(controller, apiCall).column)
}

function machineStates(apiCall: string): string[] {
  return MACHINES.map((property) => `_${apiCall}_${property}_bound_currentState`)
}

/** What the entities have by themselves: `createCallEntities`, and what interaqt keeps for their computations. */
function ownAttributes({ apiCall, integrationEvent }: CallEntityNames): Record<string, string[]> {
  return {
    [apiCall]: [
      ...['id', 'taskKey', 'userId', 'createdAt', 'priority', 'requestParams', 'status', 'state', 'result'],
      ...['webhook', 'webhookDueAt', 'webhookProgress', 'traceparent'],
      ...Object.keys(STATE_COLUMNS),
      ...machineStates(apiCall),
      ...['sourceRecordId', 'transformIndex'].map((name) => `_${apiCall}_bound_${name}`),
    ],
    [integrationEvent]: ['id', 'apiCallId', 'eventType', 'attempt', 'at', 'supersedes', 'data'],
  }
}

/** interaqt's own list of what listens to what; its type is not public. */
interface SourceMap {
  recordName: string
  computation: { dataContext: { host?: { name: string }; id: { name: string } | string } }
}

/**
 * The application's computations, side effects, views and columns that change with these entities, by name. Events
 * written past interaqt's storage would not reach them.
 */
export function listenersOf(controller: Controller, names: CallEntityNames): string[] {
  const own = ownAttributes(names)
  const { records } = controller.system.storage.schema
  const views = records
    .filter(({ recordName, resolvedBaseRecordName }) => resolvedBaseRecordName !== recordName)
    .filter(({ resolvedBaseRecordName = '' }) => resolvedBaseRecordName in own)
    .map(({ recordName }) => recordName)
  const followed = new Set([...Object.keys(own), ...views])

  const { sourceMapManager } = controller.scheduler as unknown as { sourceMapManager: { sourceMaps: SourceMap[] } }
  const machines = MACHINES.map((property) => `${names.apiCall}.${property}`)
  const computations = sourceMapManager.sourceMaps
    .filter(({ recordName }) => followed.has(recordName))
    .map(({ computation: { dataContext } }) => nameOf(dataContext))
    .filter((name) => !machines.includes(name))
  const effects = controller.recordMutationSideEffects
    .filter(({ record }) => followed.has(record.name))
    .map(({ name }) => name)
  const columns = records.flatMap(({ recordName, attributeDetails = [] }) =>
    attributeDetails
      .filter(({ name, kind }) => kind === 'value' && recordName in own && !own[recordName]?.includes(name))
      .map(({ name }) => `${recordName}.${name}`),
  )
  return [...new Set([...computations, ...effects, ...views, ...columns])]
}

function nameOf({ host, id }: SourceMap['computation']['dataContext']): string {
  const name = typeof id === 'string' ? id : id.name
  return host ? `${host.name}.${name}` : name
}
