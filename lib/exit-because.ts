/** Ends the process. Errors that somebody can remedy print only their message; others also print a stack trace. */
export function exitBecause(who: string, error: unknown): never {
  const known = error instanceof Error && 'code' in error
  process.stderr.write(`${who}: ${known ? error.message : error instanceof Error ? error.stack : error}\n`)
  process.exit(1)
}
