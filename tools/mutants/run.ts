import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { z } from 'zod'
import type { Mutant } from './mutant.js'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const execute = promisify(execFile)

const SECONDS_TO_NOTICE = 10
/** Time-out of all tests of a mutant together. */
const RUN_TIMEOUT_MS = 600_000

export interface Verdict {
  /**
   * - `killed`: an assertion failed in time
   * - `survived`: the tests pass without the rule
   * - `late`: only a time-out noticed, or an assertion failed too late, or no test could be run
   * - `stale`: the text to be replaced does not occur exactly once
   */
  kind: 'killed' | 'survived' | 'late' | 'stale'
  /** What failed, or why nothing did. */
  text: string
  /** The test that noticed, by its file and name, and how long it took. */
  noticed?: { test: string; seconds: number }
}

/** Copies files that git tracks or would add; links installed packages and downloads. */
export async function copyRepository(): Promise<{ folder: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'mutants-'))
  const { stdout } = await execute('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    maxBuffer: 2 ** 26,
  })
  for (const file of new Set(stdout.split('\0').filter(Boolean))) {
    await mkdir(dirname(join(folder, file)), { recursive: true })
    await cp(join(root, file), join(folder, file), { errorOnExist: false }).catch(ignoreMissing)
  }
  for (const name of ['node_modules', '.cache']) await symlink(join(root, name), join(folder, name))
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) }
}

/** A deleted file whose deletion is not committed. */
function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error
}

/** Runs a mutant's tests in the copy, and restores the copy. */
export async function withoutRule(
  folder: string,
  { file, from, to, tests, seconds = SECONDS_TO_NOTICE }: Mutant,
): Promise<Verdict> {
  const path = join(folder, file)
  const original = await readFile(path, 'utf8').catch(() => '')
  const found = original.split(from).length - 1
  if (found !== 1) return { kind: 'stale', text: `${file} has the text ${found} times` }
  await writeFile(
    path,
    original.replace(from, () => to),
  )
  try {
    return verdictOf(folder, await runTests(folder, tests), seconds)
  } finally {
    await writeFile(path, original)
  }
}

const reportSchema = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      message: z.string(),
      status: z.string(),
      assertionResults: z.array(
        z.object({
          fullName: z.string(),
          status: z.string(),
          duration: z.number().nullish(),
          failureMessages: z.array(z.string()).nullish(),
        }),
      ),
    }),
  ),
})

async function runTests(folder: string, tests: string[]): Promise<z.output<typeof reportSchema> | null> {
  const output = join(folder, 'mutant-report.json')
  await rm(output, { force: true })
  const vitest = join(folder, 'node_modules', 'vitest', 'vitest.mjs')
  const options = ['--bail=1', '--reporter=json', `--outputFile=${output}`]
  await execute(process.execPath, [vitest, 'run', ...options, ...tests], {
    cwd: folder,
    timeout: RUN_TIMEOUT_MS,
    maxBuffer: 2 ** 28,
  }).catch(() => 'the report says what failed')
  const text = await readFile(output, 'utf8').catch(() => null)
  return text === null ? null : reportSchema.parse(JSON.parse(text))
}

function verdictOf(folder: string, report: z.output<typeof reportSchema> | null, limitSeconds: number): Verdict {
  if (!report) return { kind: 'late', text: `no report after ${RUN_TIMEOUT_MS / 1000} s` }
  const results = report.testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.map((result) => ({ ...result, file: relative(folder, name) })),
  )
  const failed = results.find(({ status }) => status === 'failed')
  if (!failed) {
    const broken = report.testResults.find(({ status }) => status === 'failed')
    if (broken) return { kind: 'late', text: `a file could not be run: ${firstLine(broken.message)}` }
    const passed = results.filter(({ status }) => status === 'passed').length
    if (passed === 0) return { kind: 'stale', text: 'its tests are not there' }
    return { kind: 'survived', text: `${passed} tests passed` }
  }
  const seconds = (failed.duration ?? 0) / 1000
  const message = failed.failureMessages?.[0] ?? ''
  const text = firstLine(message)
  // For some time-outs vitest reports only the test's location.
  const late = seconds > limitSeconds || /\b(test|hook) timed out in\b|STACK_TRACE_ERROR/i.test(message)
  return { kind: late ? 'late' : 'killed', text, noticed: { test: `${failed.file}: ${failed.fullName}`, seconds } }
}

function firstLine(message: string): string {
  return message.split('\n', 1)[0]?.slice(0, 200) ?? ''
}
