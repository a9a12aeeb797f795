/** Stored histories, replayed by the workflows as they are now: a change that breaks running workflows shows here. */
import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { Worker } from '@temporalio/worker'
import { beforeAll, describe, expect, it } from 'vitest'
import { TEST_TOKEN } from '../support/main.js'
import { bundleOf } from '../support/shared.js'
import { listHistories, readable, readHistory, toHistory } from './history-files.js'
import { RECORDED_PATHS } from './recorded-paths.js'

const ADVICE = `
Runs that are under way when this version is deployed would get stuck at this point: the workflow does something else
than it did when the history was recorded. Keep what it did for old runs, by patched('<what changed>') of
@temporalio/workflow. Only where no such workflow is running in production: record the histories anew, by
  npm run record:histories
`

const integrationsFolder = fileURLToPath(new URL('../../integrations/', import.meta.url))
const workflowsOf = (integration: string) => `${integrationsFolder}${integration}/workflows/index.ts`

/** Why each of the histories cannot be replayed; undefined if it can. */
async function replay(workflowsPath: string, names: string[]): Promise<Map<string, unknown>> {
  const workflowBundle = { codePath: await bundleOf(workflowsPath) }
  const errors = new Map<string, unknown>(names.map((name) => [name, 'was not replayed']))
  for await (const { workflowId: name, error } of Worker.runReplayHistories({ workflowBundle }, named(names))) {
    errors.set(name, error)
  }
  return errors
}

/** By their own names: all runs have the same workflow id. */
async function* named(names: string[]) {
  for (const name of names) yield { workflowId: name, history: toHistory(await readHistory(name)) }
}

const stored = await listHistories()
/** Recorded by earlier versions, and kept: as `<integration>/0.1.0/<path>`. */
const isEarlier = (name: string) => name.split('/').length > 2
const integrations = [...new Set(stored.map((name) => name.split('/')[0] ?? ''))]

describe.each(integrations)('the workflows of %s, as they are now, still do what they did in', (integration) => {
  const names = stored.filter((name) => name.startsWith(`${integration}/`))
  let errors: Map<string, unknown>
  beforeAll(async () => {
    errors = await replay(workflowsOf(integration), names)
  })

  it.each(names)('%s', (name) => {
    expect(errors.get(name), ADVICE).toBeUndefined()
  })
})

it('a workflow that does something else than it did is noticed', async () => {
  const changed = fileURLToPath(new URL('fixtures/changed-workflows.ts', import.meta.url))
  const names = stored.filter((name) => name.startsWith('fangzhouVideoGeneration/'))
  const errors = await replay(changed, names)
  for (const name of names) {
    expect([name, errors.get(name)]).toEqual([name, expect.objectContaining({ name: 'DeterminismViolationError' })])
  }
})

describe('the stored histories', () => {
  it('are those that are recorded, and every integration has some', async () => {
    expect(stored.filter((name) => !isEarlier(name))).toEqual(RECORDED_PATHS.flatMap(({ names }) => names).sort())
    const files = await readdir(integrationsFolder, { recursive: true })
    const withWorkflows = files.filter((file) => /^[^/]+\/workflows\/index\.ts$/.test(file))
    // Those that an application adds run the shared workflows, or have histories recorded when they want them.
    expect(withWorkflows.map((file) => file.split('/')[0])).toEqual(expect.arrayContaining(integrations))
    expect(integrations).toHaveLength(3)
  })

  it.each<[what: string, pattern: RegExp]>([
    ["a process's identity", /\d@/],
    ['a file', /\/(home|root|Users|private|var|opt|usr)\/|[A-Z]:\\|node_modules|\.[cm]?[jt]s\b/],
    ['a stack trace', /:\d+:\d+/],
    ['the address of a machine', /https?:\/\/(?!main\.(example|invalid)\/)|localhost|\b\d{1,3}(\.\d{1,3}){3}\b/],
    ['a secret', new RegExp(`${TEST_TOKEN}|bearer|authorization|api.?key|signature`, 'i')],
  ])('hold no trace of %s', async (_what, pattern) => {
    for (const name of stored) {
      const text = readable(await readHistory(name))
      expect([name, pattern.exec(text)?.[0]]).toEqual([name, undefined])
    }
  })
})
