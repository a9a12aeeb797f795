/** The internal token shared by this machine's development processes, which may start in any order. */
import { randomBytes } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { AppConfig } from './schema.js'

/** Its default file. */
export const DEVELOPMENT_TOKEN_FILE = resolve('.data', 'internal-token')

/**
 * The token that main and the async-task component share.
 *
 * @param configured the configured token; without it, mode `local` generates one and keeps it in a file that only this
 *   user may read
 * @throws in other modes, where a token must be configured: two machines would never agree on one
 */
export function internalToken(mode: AppConfig['mode'], configured?: string, file = DEVELOPMENT_TOKEN_FILE): string {
  if (configured !== undefined) return configured
  if (mode !== 'local') {
    throw new Error(
      'INTERNAL_API_TOKEN is not set. Any mode but local needs it: give main and the async-task component the same random token of at least 16 characters, as from `openssl rand -hex 32`',
    )
  }
  return readToken(file) ?? createToken(file)
}

function readToken(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim() || undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Written to another file and linked: all processes share the first token, and none reads half of it. */
function createToken(file: string): string {
  mkdirSync(dirname(file), { recursive: true })
  const token = randomBytes(24).toString('base64url')
  const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`
  writeFileSync(draft, token, { mode: 0o600, flag: 'wx' })
  try {
    linkSync(draft, file)
    return token
  } catch (error) {
    const existing = readToken(file)
    if (existing === undefined) throw error
    return existing
  } finally {
    rmSync(draft, { force: true })
  }
}
