/** The differences between the model that a database was last used with and the application's current one. */
import type { Controller, MigrationChange, MigrationDiffFile } from 'interaqt'
import { databaseOf } from '../tasks/database/sql.js'
import { isTaskEntity } from '../tasks/entities.js'
import { MainComponentError } from './errors.js'

export type ComputationChange = Extract<MigrationChange, { kind: 'computation' }>

/** interaqt's own table of the models that the database was used with. */
export const MANIFESTS = '"__interaqt_migration_manifest"'

export interface ModelChange {
  /** As shown to people: `entity X`, `property X.y`. */
  what: string
  /** What happens to the existing rows. */
  effect: string
  /** What `--allow-loss` has to name if stored data would be lost; the table that is emptied for it. */
  loses?: { name: string; table?: string }
}

export interface MigrationPlan {
  /** Pure additions: new entities, properties and relations, and new rules for future events. */
  added: ModelChange[]
  /** Changes that somebody has to ask for. */
  other: ModelChange[]
  /** Changes that a migration cannot make at all. */
  blocked: ModelChange[]
  diff: MigrationDiffFile
}

/** Shows what a migration would do. Changes nothing. */
export async function planMigration(controller: Controller): Promise<MigrationPlan> {
  const diff = await controller.generateMigrationDiff()
  const plan: MigrationPlan = { added: [], other: [], blocked: await missingColumns(controller), diff }
  if (diff.toModelHash !== diff.fromModelHash && diff.toModelHash === (await previousModel(controller))?.modelHash) {
    const effect = 'was migrated from this model by a newer release; `npm run migrate -- --back` gives it back'
    plan.blocked.push({ what: 'the database', effect })
  }
  const isNew = addedIn(diff)
  for (const change of diff.changes) classify(controller, change, isNew, plan)
  for (const { logicalPath, reason, oldPhysicalPath: table } of diff.safety.blockingChanges) {
    if (table !== undefined && reason === 'fact record was removed from the new schema') {
      const loses = { name: logicalPath, table }
      plan.other.push({ what: `entity ${logicalPath}`, effect: 'is removed with its rows', loses })
    } else plan.blocked.push({ what: logicalPath, effect: reason })
  }
  for (const item of diff.requiredDecisions) {
    const { kind } = item
    if (kind !== 'async-completion-handler' && kind !== 'scoped-sequence-seed' && kind !== 'scoped-sequence-no-seed')
      continue
    plan.blocked.push({ what: inWords(item.dataContext), effect: item.reason })
  }
  return plan
}

/**
 * Columns of the model that the database was last used with, but which are missing: renamed by hand, for instance. A
 * migration would create them again, empty.
 */
async function missingColumns(controller: Controller): Promise<ModelChange[]> {
  const manifest = await controller.system.readMigrationManifest?.()
  const rows = await databaseOf(controller).query<{ name: string }>(
    `SELECT table_name || '.' || column_name AS name FROM information_schema.columns WHERE table_schema = current_schema()`,
    [],
  )
  const present = new Set(rows.map(({ name }) => name))
  return (manifest?.storage.records ?? []).flatMap(({ recordName, tableName, attributeDetails = [] }) =>
    attributeDetails
      .filter(({ fieldName }) => fieldName && !present.has(`${tableName}.${fieldName}`))
      .map(({ name, fieldName }) => ({
        what: `column "${fieldName}" of table "${tableName}", which is ${recordName}.${name},`,
        effect: 'is not there',
      })),
  )
}

/** @throws MainComponentError if columns of the model are missing: main would fail at each request */
export async function ensureColumns(controller: Controller): Promise<void> {
  const [missing] = await missingColumns(controller)
  if (!missing) return
  const message = `The ${missing.what} ${missing.effect}. Give it its name again, or restore the backup.`
  throw new MainComponentError('MODEL_CHANGED', message, false)
}

/** The model that the database was migrated from, if it was. */
export async function previousModel(controller: Controller): Promise<{ modelHash?: unknown } | undefined> {
  const sql = `SELECT "value" FROM ${MANIFESTS} WHERE "key" = 'previous'`
  const [row] = await databaseOf(controller).query<{ value: string | { modelHash?: unknown } }>(sql, [])
  return typeof row?.value === 'string' ? JSON.parse(row.value) : row?.value
}

/** What the new model adds to the earlier one, as `entity:X`, `property:X.y`. */
function addedIn(diff: MigrationDiffFile): (dataContext: string) => boolean {
  const added = new Set<string>()
  for (const change of diff.changes) {
    const isPart = change.kind === 'record' || change.kind === 'property' || change.kind === 'relation'
    if (isPart && change.changeType === 'added') added.add(change.dataContext)
  }
  return (dataContext) => added.has(dataContext)
}

function classify(
  controller: Controller,
  change: MigrationChange,
  isNew: (dataContext: string) => boolean,
  plan: MigrationPlan,
): void {
  switch (change.kind) {
    case 'record':
    case 'property':
    case 'relation':
    case 'dictionary': {
      if (change.changeType === 'unchanged') return
      const what = inWords(change.dataContext)
      if (change.changeType === 'added') plan.added.push({ what, effect: 'is added' })
      else if (change.changeType === 'changed') plan.other.push({ what, effect: change.reason })
      // What goes away is told by what holds it back.
      return
    }
    case 'computation':
      classifyComputation(controller, change, isNew, plan)
      return
    case 'storage':
      if (change.changeType === 'changed') plan.other.push({ what: inWords(change.dataContext), effect: change.reason })
      return
    case 'empty-fact-record-removal':
      plan.other.push({ what: `entity ${change.recordName}`, effect: 'is removed; it has no rows' })
      return
    case 'computation-takeover':
      plan.other.push({
        what: inWords(change.dataContext),
        effect: change.reason,
        loses: { name: nameOf(change.dataContext) },
      })
  }
}

function classifyComputation(
  controller: Controller,
  change: ComputationChange,
  isNew: (dataContext: string) => boolean,
  { added, other, blocked }: MigrationPlan,
): void {
  const { changeType, dataContext } = change
  const what = inWords(dataContext)
  const ofEvents = change.detected.needsEventRebuildHandler === true
  if (changeType === 'unchanged' || changeType === 'removed') return
  if (changeType === 'added') {
    if (isNew(hostOf(dataContext)) || (!ofEvents && isNew(dataContext))) return
    if (ofEvents) blocked.push({ what, effect: 'follows from events, which are not there for the rows of before' })
    else other.push({ what, effect: 'is computed for all rows' })
  } else if (ofEvents) {
    const effect = 'follows other rules for events to come; stored rows stay as they are'
    if (isOfTask(controller, dataContext)) added.push({ what, effect })
    else other.push({ what, effect })
  } else other.push({ what, effect: 'is computed anew for all rows' })
}

function isOfTask(controller: Controller, dataContext: string): boolean {
  const host = nameOf(hostOf(dataContext))
  return controller.entities.some((entity) => entity.name === host && isTaskEntity(entity))
}

/** `property:X.y` is of `entity:X`. */
function hostOf(dataContext: string): string {
  return dataContext.startsWith('property:') ? `entity:${nameOf(dataContext).split('.')[0]}` : dataContext
}

function nameOf(dataContext: string): string {
  return dataContext.slice(dataContext.indexOf(':') + 1)
}

function inWords(dataContext: string): string {
  return dataContext.replace(':', ' ')
}
