/**
 * Migrates from the model that a database was last used with to the current one, and back. Each is one transaction: if
 * the process dies, nothing has changed.
 */
import type { Controller, MigrationDecision, MigrationDiffFile } from 'interaqt'
import { databaseOf, physicalEntity } from '../tasks/database/sql.js'
import { isTaskEntity } from '../tasks/entities.js'
import { MainComponentError } from './errors.js'
import { type ComputationChange, MANIFESTS, type MigrationPlan, previousModel } from './migration-plan.js'

/** The statements that a plan would send for its tables, columns and constraints. */
export async function migrationSQL(controller: Controller, { diff }: MigrationPlan): Promise<string[]> {
  const { schemaPlan } = await controller.migrate({ approvedDiff: approve(diff), handlers, dryRun: true })
  if (!schemaPlan) return []
  // Constraints are created at every boot, if they are missing.
  const { preRecomputeDDL, postRecomputeDDL } = schemaPlan
  const created = new Set(preRecomputeDDL.flatMap(({ kind, tableName }) => (kind === 'create-table' ? tableName : [])))
  const drops = postRecomputeDDL.filter(
    ({ kind, tableName = '' }) => kind === 'drop-empty-fact-table' || created.has(tableName),
  )
  return [...preRecomputeDDL, ...drops].map((operation) =>
    operation.kind === 'drop-empty-fact-table'
      ? `DROP TABLE "${operation.tableName}"`
      : (operation.sql ?? `-- ${operation.description}`),
  )
}

/**
 * Carries a plan out, in one transaction, and leaves the Controller set up. Runs under the boot lock. It empties the
 * tables of what is removed: the caller has checked that this is wanted.
 */
export async function applyMigration(controller: Controller, plan: MigrationPlan): Promise<void> {
  const { storage } = controller.system
  const tables = plan.other.flatMap(({ loses }) => loses?.table ?? [])
  await storage.runInTransaction({ name: 'migrate', isolation: 'SERIALIZABLE' }, async () => {
    await keepManifest(controller)
    for (const table of tables) await databaseOf(controller).update(`DELETE FROM "${table}"`, [])
    const diff = tables.length > 0 ? await controller.generateMigrationDiff() : plan.diff
    await controller.migrate({ approvedDiff: approve(diff), handlers })
  })
}

/** Makes the database count as the earlier model's again, which it was migrated from; additions stay in it. */
export async function goBack(controller: Controller): Promise<void> {
  const database = databaseOf(controller)
  await controller.system.storage.runInTransaction({ name: 'migrate back' }, async () => {
    if (!(await previousModel(controller))) {
      const message = 'The database was not migrated, or is back already: there is no way back to take'
      throw new MainComponentError('MODEL_CHANGED', message, false)
    }
    await database.update(`DELETE FROM ${MANIFESTS} WHERE "key" = 'current'`, [])
    await database.update(`UPDATE ${MANIFESTS} SET "key" = 'current' WHERE "key" = 'previous'`, [])
  })
}

/** Copies results to where the earlier release looks for them; today they are only in their column. */
export async function repeatResults(controller: Controller): Promise<void> {
  for (const { name } of controller.entities.filter(isTaskEntity)) {
    const { table, column } = physicalEntity(controller, name)
    const [state, result] = [column('state'), column('result')]
    await databaseOf(controller).update(
      `UPDATE ${table} SET ${state} = jsonb_set(${state}::jsonb, '{result}', ${result}::jsonb)::json` +
        ` WHERE ${result} IS NOT NULL AND ${state} ->> 'result' IS NULL`,
      [],
    )
  }
}

/** Keeps the earlier model's description, for the way back to the release that knows it. */
async function keepManifest(controller: Controller): Promise<void> {
  await databaseOf(controller).update(
    `INSERT INTO ${MANIFESTS} ("key", "value") SELECT 'previous', "value" FROM ${MANIFESTS} WHERE "key" = 'current'` +
      ' ON CONFLICT ("key") DO UPDATE SET "value" = EXCLUDED."value"',
    [],
  )
}

/** Values that follow from events cannot be recomputed: only rows without any are requested. */
const handlers = {
  eventRebuild: {
    noRows: ({ record, dataContext }: { record?: Record<string, unknown>; dataContext: { type: string } }) => {
      if (record)
        throw new MainComponentError(
          'MODEL_CHANGED',
          'A stored row would be made anew: nothing has been changed',
          false,
        )
      return dataContext.type === 'property' ? null : []
    },
  },
}

/** Makes every decision that a diff needs. What is not ready to be decided was `blocked` before. */
function approve(diff: MigrationDiffFile): MigrationDiffFile {
  const changes = new Map(diff.changes.map((change) => ['id' in change ? change.id : '', change]))
  const reason = 'main: stored rows stay as they are'
  const decisions = diff.requiredDecisions.map((item): MigrationDecision => {
    if (item.kind === 'computation') {
      const { changeType, detected } = changes.get(item.id) as ComputationChange
      // For new ones interaqt wants something computed; only their empty state can be.
      const ofEvents = changeType === 'added' ? 'state-only' : 'unchanged'
      return { ...item, decision: detected.needsEventRebuildHandler ? ofEvents : item.recommendedDecision, reason }
    }
    if (item.kind === 'event-rebuild-handler') return { ...item, handlerRef: 'noRows', reason }
    return item as MigrationDecision
  })
  return { ...diff, status: 'approved', decisions }
}
