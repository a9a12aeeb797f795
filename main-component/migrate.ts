/** `async-task migrate`, in this repository `npm run migrate`. */
import { parseArgs } from 'node:util'
import type { Application } from '../application/define.js'
import { createLogger } from './logger.js'
import { type MigrateCommand, runMigrateCommand } from './migrate-command.js'

const MIGRATE_USAGE = `migrate --plan | --apply [--allow-loss <entity> …] | --back
  --plan   shows the differences between the database and the application's model
  --apply  migrates
  --back   makes the database usable again for the release that it was migrated from`

/**
 * Migrates an application's database, as the arguments say.
 *
 * @throws Error with a `code`, where an operator can remedy it
 */
export async function runMigrate(application: Application, args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      plan: { type: 'boolean' },
      apply: { type: 'boolean' },
      back: { type: 'boolean' },
      'allow-loss': { type: 'string', multiple: true, default: [] },
    },
  })
  const commands: MigrateCommand[] = (['plan', 'apply', 'back'] as const).filter((name) => values[name])
  const [command] = commands
  if (!command || commands.length > 1)
    throw Object.assign(new Error(`Say what to do: ${MIGRATE_USAGE}`), { code: 'USAGE' })
  const config = application.loadConfig({ component: 'main' })
  const options = { application, config, allowLoss: values['allow-loss'], logger: createLogger() }
  await runMigrateCommand(command, options, (line) => console.log(line))
}
