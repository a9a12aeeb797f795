import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { collectIntegrationWorkflows } from '@/async-task-component/workflow-collector.js'
import { FIXTURES, temporaryIntegrations } from './support.js'

const folders: string[] = []
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true })
})

async function integrations(files: Record<string, string>): Promise<string> {
  const root = await temporaryIntegrations()
  folders.push(root)
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(root, path, '..'), { recursive: true })
    await writeFile(join(root, path), text)
  }
  return root
}

describe('collectIntegrationWorkflows', () => {
  it('finds the folders with workflows, sorted, and skips what the blacklist says by default', async () => {
    const infos = await collectIntegrationWorkflows(FIXTURES)

    expect(infos.map(({ name }) => name)).toEqual(['alpha', 'beta', 'unbundlable'])
  })

  it('takes an entry that ends in _ as a prefix, and every other as a whole name', async () => {
    const names = async (blacklist: string[]) =>
      (await collectIntegrationWorkflows(FIXTURES, blacklist)).map(({ name }) => name)

    expect(await names(['alph', 'doc'])).toEqual([
      'alpha',
      'beta',
      'docs',
      'example_skipped',
      'kafka.old',
      'unbundlable',
    ])
    expect(await names(['example_', 'docs'])).toEqual(['alpha', 'beta', 'kafka.old', 'unbundlable'])
  })

  it('knows queue, paths and workflows of each', async () => {
    const [alpha, beta] = await collectIntegrationWorkflows(FIXTURES)

    expect(alpha).toMatchObject({
      name: 'alpha',
      taskQueue: 'integration-alpha-queue',
      workflowsPath: join(FIXTURES, 'alpha/workflows/index.ts'),
      activitiesPath: join(FIXTURES, 'alpha/activities/index.ts'),
      workflowNames: [
        'activityWorkflow',
        'failingWorkflow',
        'leakingWorkflow',
        'obedientWorkflow',
        'patientWorkflow',
        'quickWorkflow',
        'renewingWorkflow',
        'requestingWorkflow',
        'scatteringWorkflow',
        'slowlyCancelledWorkflow',
        'stubbornWorkflow',
        'throwingWorkflow',
      ],
    })
    expect(beta).toMatchObject({
      taskQueue: 'integration-beta-queue',
      activitiesPath: null,
      workflowNames: ['betaWorkflow'],
    })
  })

  it('lists a module that cannot be loaded with its error, beside the others', async () => {
    const root = await integrations({
      'bad/workflows/index.ts': "throw new Error('broken on purpose')\n",
      'good/workflows/index.ts': 'export async function fine() {}\n',
    })
    const [bad, good] = await collectIntegrationWorkflows(root)

    expect(bad).toMatchObject({ name: 'bad', workflowNames: null })
    expect(bad?.loadError?.message).toContain('broken on purpose')
    expect(good?.workflowNames).toEqual(['fine'])
  })

  it('refuses two folders that would share a queue, and a path that is no folder', async () => {
    const workflow = 'export async function fine() {}\n'
    const root = await integrations({ 'Twin/workflows/index.ts': workflow, 'twin/workflows/index.ts': workflow })

    await expect(collectIntegrationWorkflows(root)).rejects.toThrow('Twin and twin would share the task queue')
    await expect(collectIntegrationWorkflows(join(root, 'missing'))).rejects.toThrow('cannot be read')
  })
})
