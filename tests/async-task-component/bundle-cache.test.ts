import { appendFile, cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { BundleCache } from '@/async-task-component/bundle-cache.js'
import { bundleWorkflows } from '@/async-task-component/workflow-bundle.js'

const beta = fileURLToPath(new URL('fixtures/integrations/beta', import.meta.url))

let folder: string
let bundles: string
let workflows: string
let made: number
let cache: BundleCache
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bundles-'))
  await symlink(fileURLToPath(new URL('../../node_modules', import.meta.url)), join(folder, 'node_modules'))
  await cp(beta, join(folder, 'beta'), { recursive: true })
  bundles = join(folder, 'cache')
  workflows = join(folder, 'beta', 'workflows', 'index.ts')
  made = 0
  cache = new BundleCache(bundles, async (path) => {
    made += 1
    return { code: await readFile(path, 'utf8'), inputs: [path] }
  })
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const take = () => cache.bundle('beta', workflows)

it('what was made once is taken from the folder by the next start', async () => {
  expect(await take()).toHaveProperty('code', expect.stringContaining('betaWorkflow'))
  expect(await take()).toEqual({ codePath: join(bundles, 'beta.js') })
  expect([made, (await readdir(bundles)).sort()]).toEqual([1, ['beta.js', 'beta.json']])
})

it('all that the bundler read goes into it', async () => {
  const { code, inputs } = await bundleWorkflows(workflows)
  expect(code).toContain('betaWorkflow')
  expect(inputs).toEqual(expect.arrayContaining([workflows, expect.stringContaining('@temporalio/workflow/lib/')]))
})

it('it moves together with what it was made of', async () => {
  await take()
  await cp(folder, `${folder}-moved`, { recursive: true })
  try {
    const moved = new BundleCache(join(`${folder}-moved`, 'cache'), () => expect.fail('it was made again'))
    expect(await moved.bundle('beta', join(`${folder}-moved`, 'beta/workflows/index.ts'))).toHaveProperty('codePath')
  } finally {
    await rm(`${folder}-moved`, { recursive: true, force: true })
  }
})

it.each([
  ['a file that went into it has changed', () => appendFile(workflows, '\n// changed\n')],
  ['the bundle is damaged', () => appendFile(join(bundles, 'beta.js'), '//')],
  ['what it was made of is not known', () => writeFile(join(bundles, 'beta.json'), '{')],
])('it is made again where %s', async (_, change) => {
  await take()
  await change()
  expect(await take()).toHaveProperty('code')
  expect(made).toBe(2)
  expect(await take()).toHaveProperty('codePath')
})

it('a folder that cannot be written to keeps nobody from starting', async () => {
  const readOnly = new BundleCache(join(workflows, 'no-folder'), async () => ({ code: 'the code', inputs: [] }))
  expect(await readOnly.bundle('beta', workflows)).toEqual({ code: 'the code' })
})
