/** What a run has one of, for all of its test files: `run-services.ts` makes it. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { inject } from 'vitest'

/**
 * An empty database of the caller's own, on the PostgreSQL server of the run; gives its URL. Roles, and views such as
 * `pg_locks`, are the whole server's. For a server that is to fail or to be full: `startPostgres`.
 */
export function createDatabase(): Promise<string> {
  return ask('/database')
}

/** Makes `path` a folder with a database for PGLite that has main's model, and no tasks. */
export async function createDataDir(path: string): Promise<void> {
  // Node's own `cp` asks about each of a thousand files three times.
  await promisify(execFile)('cp', ['-R', await ask('/data-dir'), path])
}

/** The file with these workflows as a worker takes them: `workflowBundle: { codePath }`. */
export function bundleOf(workflowsPath: string): Promise<string> {
  return ask(`/bundle?of=${encodeURIComponent(workflowsPath)}`)
}

let services: string | undefined

/** For programs that use what tests use: where the services are that Vitest's global setup starts for a run. */
export function useRunServices(url: string): void {
  services = url
}

async function ask(path: string): Promise<string> {
  const response = await fetch((services ?? inject('runServices')) + path)
  const text = await response.text()
  if (!response.ok) throw new Error(`The run's services cannot make ${path}: ${text}`)
  return text
}
