/**
 * `npm run migrate -- --plan` shows the differences between the database and the application's model; `npm run migrate
 * -- --apply [--allow-loss <name> …]` migrates; `npm run migrate -- --back` makes the database usable again for the
 * release that it was migrated from.
 */
import { parseArgs } from 'node:util'
import { loadConfig } from '../config/load.js'
import { createLogger } from './logger.js'
import { type MigrateCommand, runMigrateCommand } from './migrate-command.js'

const usage = 'npm run migrate -- --plan | --apply [--allow-loss <entity> …] | --back'

try {
  const { values } = parseArgs({
    options: {
      plan: { type: 'boolean' },
      apply: { type: 'boolean' },
      back: { type: 'boolean' },
      'allow-loss': { type: 'string', multiple: true, default: [] },
    },
  })
  const commands: MigrateCommand[] = (['plan', 'apply', 'back'] as const).filter((name) => values[name])
  const [command] = commands
  if (!command || commands.length > 1) throw Object.assign(new Error(`Say what to do: ${usage}`), { code: 'USAGE' })
  const options = { config: loadConfig({ component: 'main' }), allowLoss: values['allow-loss'], logger: createLogger() }
  await runMigrateCommand(command, options, (line) => console.log(line))
  process.exit(0)
} catch (error) {
  const known = error instanceof Error && 'code' in error
  process.stderr.write(`migrate: ${known ? error.message : error instanceof Error ? error.stack : error}\n`)
  process.exit(1)
}
