/** The command `npm run migrate`, and its output. */
import type { Controller } from 'interaqt'
import type { Logger } from 'pino'
import type { Application } from '../application/define.js'
import type { AppConfig } from '../config/schema.js'
import { databaseOf } from '../tasks/database/sql.js'
import { createApplication } from './application.js'
import { MainComponentError } from './errors.js'
import { goBack, migrationSQL, repeatResults } from './migration.js'
import { ensureColumns, type MigrationPlan, type ModelChange, planMigration } from './migration-plan.js'
import { migrate } from './model.js'
import { openDatabase } from './open-database.js'

export type MigrateCommand = 'plan' | 'apply' | 'back'

export interface MigrateOptions {
  application: Application
  config: AppConfig
  /** The entities whose rows may be lost. */
  allowLoss: readonly string[]
  logger: Logger
}

/**
 * Runs one command on the configured database, under the lock that main boots under.
 *
 * @param say prints a line
 * @throws MainComponentError if it is refused; then nothing has been changed
 */
export async function runMigrateCommand(
  command: MigrateCommand,
  { application, config, allowLoss, logger }: MigrateOptions,
  say: (line: string) => void,
): Promise<void> {
  const database = await openDatabase(config.components.main.database, logger)
  try {
    const { controller, system, setUp } = await createApplication(application, config, database, logger)
    await database.alone(async () => {
      await system.database.open()
      if (!(await system.readMigrationManifest())) return say(await withoutModel(controller))
      if (command === 'back') return back(controller, say)
      const plan = await planMigration(controller)
      if (isUpToDate(plan)) {
        // An interrupted run may have left indexes to be built.
        if (command === 'apply') {
          await controller.setup(false)
          await ensureColumns(controller)
          await setUp()
        }
        return say('The database has this model: there is nothing to do.')
      }
      await tell(controller, plan, say)
      if (command === 'plan') return
      refuse(plan, allowLoss)
      await migrate(controller, plan)
      await setUp()
      say('Done.')
    })
  } finally {
    await database.close()
  }
}

/** A mistyped DATABASE_URL may lead to another application's tables. */
async function withoutModel(controller: Controller): Promise<string> {
  const [tables] = await databaseOf(controller).query<{ count: number }>(
    'SELECT count(*)::int AS count FROM information_schema.tables WHERE table_schema = current_schema()',
    [],
  )
  return tables?.count
    ? 'The database holds tables, and no model of this application: is DATABASE_URL right? Main would install its model beside them.'
    : 'The database is empty: main installs the model at its start.'
}

async function back(controller: Controller, say: (line: string) => void): Promise<void> {
  if (isUpToDate(await planMigration(controller))) {
    await controller.setup(false)
    await repeatResults(controller)
  }
  await goBack(controller)
  say('The database has its earlier model again: start the release that it was migrated from.')
}

function isUpToDate({ diff }: MigrationPlan): boolean {
  return diff.fromModelHash === diff.toModelHash
}

async function tell(controller: Controller, plan: MigrationPlan, say: (line: string) => void): Promise<void> {
  const list = (title: string, changes: ModelChange[]) => {
    if (changes.length === 0) return
    say(title)
    for (const { what, effect, loses } of changes) {
      say(`  ${what} ${effect}${loses ? `: only with --allow-loss ${loses.name}` : ''}`)
    }
  }
  list('Main does this by itself at its start, unless components.main.migrate is never:', plan.added)
  list('Done by --apply alone:', plan.other)
  list('Cannot be done:', plan.blocked)
  // A blocked plan is incomplete.
  if (plan.blocked.length > 0 || plan.other.some(({ loses }) => loses)) return
  say('SQL:')
  for (const statement of await migrationSQL(controller, plan)) say(`  ${statement.trim()};`)
}

/** Throws if a plan cannot be carried out, or would lose data that the user did not name. */
function refuse({ blocked, other }: MigrationPlan, allowLoss: readonly string[]): void {
  const [obstacle] = blocked
  if (obstacle) {
    const message = `${obstacle.what}: ${obstacle.effect}. Take this change back, or migrate it by hand. Nothing has been changed.`
    throw new MainComponentError('MODEL_CHANGED', message, false)
  }
  const lost = other.find(({ loses }) => loses && !allowLoss.includes(loses.name))
  if (!lost) return
  const remedy = `Name it with --allow-loss ${lost.loses?.name} if that is meant. Nothing has been changed.`
  throw new MainComponentError('MODEL_CHANGED', `${lost.what} ${lost.effect}. ${remedy}`, false)
}
