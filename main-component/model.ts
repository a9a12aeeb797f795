/** Brings a database and the application's model together, at main's start. */
import type { Controller } from 'interaqt'
import type { Logger } from 'pino'
import { isConflict } from '../tasks/database/faults.js'
import type { DatabaseSystem } from '../tasks/database/sql.js'
import { MainComponentError } from './errors.js'
import { applyMigration } from './migration.js'
import { ensureColumns, type MigrationPlan, planMigration } from './migration-plan.js'

export type MigrateMode = 'additive' | 'never'

/** An earlier main that is still running may hold locks for a moment. */
const TRIES = 5

/**
 * Installs the model into an empty database, or attaches to an existing one. If the model has only grown since, its
 * additions are made first. Each is one transaction: if it fails or the process dies, nothing has changed.
 */
export async function installOrAttach(
  controller: Controller,
  system: DatabaseSystem,
  mode: MigrateMode,
  logger: Logger,
): Promise<'installed' | 'attached' | 'migrated'> {
  await system.database.open()
  if (!(await system.readMigrationManifest())) {
    await system.storage.runInTransaction({ name: 'install' }, () => controller.setup(true))
    return 'installed'
  }
  try {
    await controller.setup(false)
    await ensureColumns(controller)
    return 'attached'
  } catch (cause) {
    if (!(cause instanceof Error && cause.message.startsWith('Model manifest mismatch'))) throw cause
    if (mode === 'never') throw modelChanged('components.main.migrate is never (MAIN_MIGRATE)', cause)
    const plan = await planMigration(controller)
    const [change] = [...plan.blocked, ...plan.other]
    if (change) throw modelChanged(`${change.what} ${change.effect}`, cause)
    await migrate(controller, plan)
    logger.info({ added: plan.added.map(({ what }) => what) }, `model migrated: ${additions(plan)}`)
    return 'migrated'
  }
}

/** Carries a plan out, and retries if others hold locks. */
export async function migrate(controller: Controller, plan: MigrationPlan): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await applyMigration(controller, plan)
    } catch (error) {
      if (tries === TRIES || !isConflict(error)) throw error
    }
  }
}

function additions({ added }: MigrationPlan): string {
  return added.map(({ what, effect }) => (effect === 'is added' ? what : `rules of ${what}`)).join(', ')
}

function modelChanged(why: string, cause: Error): MainComponentError {
  const message =
    `The database holds an earlier model of this application, and main does not migrate it by itself: ${why}.` +
    ' See what would change with `npm run migrate -- --plan`. Nothing has been changed.'
  return new MainComponentError('MODEL_CHANGED', message, false, { cause })
}
