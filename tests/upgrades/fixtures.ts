/** The releases that an upgrade may begin at: their databases, and what was said between their daemons and main. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliDecompressSync, constants } from 'node:zlib'

export const FIXTURE_TOKEN = 'fixture-internal-token-0123456789'

/** How a task of each integration is asked for, and what its runs report to. */
export const APPLICATION_APIS: Record<string, { path: string; request: object; reportAPI: string }> = {
  testAsyncTask: { path: '/api/test/run', request: { message: 'upgraded' }, reportAPI: 'reportTestAsyncTaskResult' },
  fangzhouVideoGeneration: {
    path: '/api/video/generate',
    request: { prompt: 'a paper boat', duration: 5 },
    reportAPI: 'reportFangzhouVideoResult',
  },
  nanobanana2ImageGeneration: {
    path: '/api/image/generate',
    request: { prompt: 'a paper boat', aspectRatio: '1:1' },
    reportAPI: 'reportNanobanana2Result',
  },
}

/** A request to a release's main, and its answer. */
export interface Exchange {
  by: 'daemon' | 'operator' | 'user'
  method: 'GET' | 'POST'
  path: string
  body?: unknown
  status: number
  answer: unknown
}

/** What was said to one main over an empty database. */
export interface Session {
  stuckTimeoutSeconds: number
  exchanges: Exchange[]
}

export interface Fixture {
  version: string
  /** A tar of PGLite's folder. */
  pglite: Buffer
  sql: string
  sessions: Session[]
}

const folder = join(import.meta.dirname, 'fixtures')

/** Every release's: one folder each, named by its version. */
export function readFixtures(): Fixture[] {
  return readdirSync(folder).map((version) => {
    const read = (file: string) => readFileSync(join(folder, version, file))
    return {
      version,
      pglite: brotliDecompressSync(read('pglite.tar.br'), {
        params: { [constants.BROTLI_DECODER_PARAM_LARGE_WINDOW]: 1 },
      }),
      sql: read('postgresql.sql').toString(),
      sessions: JSON.parse(read('exchanges.json').toString()) as Session[],
    }
  })
}
