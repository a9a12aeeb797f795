import type { Mutant } from './mutant.js'

const RETENTION = 'tasks/ended-tasks.ts'
const REMOVED_ARTIFACTS = 'tasks/artifact-notes.ts'
const ROUNDS = 'main-component/retention.ts'
const MIGRATION = 'main-component/migration.ts'
const MIGRATION_PLAN = 'main-component/migration-plan.ts'
const COMMAND = 'main-component/migrate-command.ts'
const EVENT_LOG = 'tasks/event-log.ts'

const ENDED = ['tests/main-component/retention.full.test.ts']
const ARTIFACTS = ['tests/main-component/retention-artifacts.full.test.ts']
const RESULTS = ['tests/tasks/results.test.ts']
const MIGRATE = ['tests/upgrades/migrate.full.test.ts']
const MIGRATE_COMMAND = ['tests/upgrades/migrate-command.full.test.ts']

/** What keeps an old database working: retention, results stored once, and migrations. */
export const GROWTH_RULES: Mutant[] = [
  {
    name: 'removed-task-leaves-its-events',
    file: RETENTION,
    from: '= ANY(ARRAY(SELECT id::text FROM ended))),`',
    to: '= ANY(ARRAY(SELECT id::text FROM ended WHERE false))),`',
    tests: ENDED,
  },
  {
    name: 'removed-task-leaves-its-key',
    file: RETENTION,
    from: '= ANY(ARRAY(SELECT key FROM ended))),`',
    to: '= ANY(ARRAY(SELECT key FROM ended WHERE false))),`',
    tests: ENDED,
  },
  {
    name: 'removed-though-it-may-be-tried-again',
    file: RETENTION,
    from: '${claimableAt} IS NULL AND ',
    to: '',
    tests: ENDED,
  },
  {
    name: 'removed-though-its-run-may-report',
    file: RETENTION,
    from: ' AND ${uncheckedSince} IS NULL`',
    to: '`',
    tests: ENDED,
  },
  {
    name: 'age-of-an-earlier-row-unknown',
    file: RETENTION,
    from: "::float8, ${column('startedAt')}, ",
    to: '::float8, ',
    tests: ENDED,
  },
  {
    name: 'zero-days-remove-at-once',
    file: ROUNDS,
    from: '(days === 0 ? undefined : time - days * DAY_SECONDS)',
    to: '(time - days * DAY_SECONDS)',
    tests: ENDED,
  },
  {
    name: 'one-batch-a-round',
    file: ROUNDS,
    from: 'while (batch > 0 && (await',
    to: 'while (batch < 0 && (await',
    tests: ENDED,
  },
  {
    name: 'long-batches-stay-long',
    file: ROUNDS,
    from: '> LONG_MS ? Math.ceil(limit / 2)',
    to: '> LONG_MS ? limit',
    tests: ENDED,
  },
  {
    name: 'artifacts-noted-though-kept',
    file: RETENTION,
    from: "(artifacts === 'remove' ? ",
    to: '(artifacts !== undefined ? ',
    tests: ARTIFACTS,
  },
  {
    name: 'artifact-of-another-task-removed',
    file: REMOVED_ARTIFACTS,
    from: '  await putOffNamed(controller, now, signal)\n',
    to: '',
    tests: ARTIFACTS,
  },
  {
    name: 'artifact-of-another-request-removed',
    file: REMOVED_ARTIFACTS,
    from: "concat(${column('result')}::text, ${column('requestParams')}::text)",
    to: "concat(${column('result')}::text)",
    tests: ARTIFACTS,
  },
  {
    name: 'encoded-names-not-read',
    file: REMOVED_ARTIFACTS,
    from: ", '%2f', '/', 'gi')",
    to: ", '%2f', '%2f', 'gi')",
    tests: ARTIFACTS,
  },
  {
    name: 'any-name-is-an-artifact',
    file: REMOVED_ARTIFACTS,
    from: 'exists(@.sha256) && @.key like_regex "^${KEY}$"',
    to: 'exists(@.sha256)',
    tests: ARTIFACTS,
  },
  {
    name: 'note-lost-with-a-failed-removal',
    file: REMOVED_ARTIFACTS,
    from: 'await Promise.all(keys.map(remove))',
    to: 'await Promise.allSettled(keys.map(remove))',
    tests: ARTIFACTS,
  },
  {
    name: 'note-gone-once-taken',
    file: REMOVED_ARTIFACTS,
    from: 'SET due = $1::float8 + ${AGAIN_SECONDS} WHERE',
    to: "SET due = 'infinity' WHERE",
    tests: ARTIFACTS,
  },
  {
    name: 'result-repeated-in-the-event',
    file: EVENT_LOG,
    from: '{ ...event, result: null } : event,',
    to: 'event : event,',
    tests: RESULTS,
  },
  {
    name: 'result-not-stored',
    file: EVENT_LOG,
    from: 'written.map(resultOf)',
    to: 'written.map(() => null)',
    tests: RESULTS,
  },
  {
    name: 'look-not-noted',
    file: EVENT_LOG,
    from: 'await this.#noteLook(row.id, last.after)',
    to: 'void last.after',
    tests: ['tests/tasks/runs-to-check.test.ts'],
  },
  {
    name: 'migrated-though-told-never',
    file: 'main-component/model.ts',
    from: "mode === 'never'",
    to: "mode === ('no-such-mode' as string)",
    tests: MIGRATE,
  },
  {
    name: 'migration-in-pieces',
    file: MIGRATION,
    from: "await storage.runInTransaction({ name: 'migrate', isolation: 'SERIALIZABLE' }, async () => {",
    to: 'await (async (_: unknown, work: () => Promise<void>) => work())(storage, async () => {',
    tests: MIGRATE,
  },
  {
    name: 'stored-rows-lost-unnamed',
    file: COMMAND,
    from: 'const lost = other.find(({ loses }) => loses && !allowLoss.includes(loses.name))',
    to: 'const lost = other.find(({ loses }) => loses && !allowLoss)',
    tests: MIGRATE_COMMAND,
  },
  {
    name: 'obstacle-overlooked',
    file: COMMAND,
    from: '  if (obstacle) {',
    to: '  if (obstacle && other.length < 0) {',
    tests: MIGRATE_COMMAND,
  },
  {
    name: 'missing-column-overlooked',
    file: MIGRATION_PLAN,
    from: '.filter(({ fieldName }) => fieldName && !present.has(',
    to: '.filter(({ fieldName }) => !fieldName && !present.has(',
    tests: MIGRATE_COMMAND,
  },
  {
    name: 'earlier-release-takes-it-back',
    file: MIGRATION_PLAN,
    from: 'diff.toModelHash === (await previousModel(controller))?.modelHash',
    to: "diff.toModelHash === (await previousModel(controller))?.modelHash + '-'",
    tests: MIGRATE_COMMAND,
  },
  {
    name: 'no-way-back',
    file: MIGRATION,
    from: '    await keepManifest(controller)\n',
    to: '',
    tests: MIGRATE_COMMAND,
  },
  {
    name: 'broken-index-kept',
    file: 'tasks/database/sql.ts',
    from: 'if (found?.valid) return',
    to: 'if (found) return',
    tests: ['tests/upgrades/indexes.full.test.ts'],
  },
  {
    name: 'index-built-in-the-way',
    file: 'tasks/database/sql.ts',
    from: "sharesConnection(controller) ? '' : 'CONCURRENTLY'",
    to: "sharesConnection(controller) ? '' : ''",
    tests: ['tests/upgrades/indexes.full.test.ts'],
  },
]
