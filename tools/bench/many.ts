/** Applications for the bench: this repository's own, or one of many integrations, whose workflows are in a folder of their own. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { type Application, defineApplication } from '../../application/define.js'
import { application as own } from '../../application.js'
import { BundleCache } from '../../async-task-component/bundle-cache.js'
import { testTaskRequestSchema, testTaskResultSchema } from '../../integrations/test-async-task/schemas.js'
import { defineIntegration } from '../../provider-kit/definition/define.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const OWN = ['fangzhouVideoGeneration', 'nanobanana2ImageGeneration', 'test-async-task']

/** @param count of integrations; 0: this repository's own */
export function benchApplication(folder: string, count: number): Application {
  const integrationsPath = join(folder, 'integrations')
  if (count === 0) return { ...own, integrationsPath } as unknown as Application
  const integrations = Object.fromEntries(
    names(count).map((name) => {
      const schemas = { request: testTaskRequestSchema, result: testTaskResultSchema }
      const integration = { name, env: name.toUpperCase(), custom: { workflow: 'asyncTestTaskWorkflow' }, ...schemas }
      return [name, defineIntegration(integration)]
    }),
  )
  return defineApplication({ integrations, folder: pathToFileURL(`${integrationsPath}/`) })
}

/** Makes the folder of such an application, for as long as it is used. */
export async function withFolder<T>(count: number, use: (folder: string) => Promise<T>): Promise<T> {
  const parent = join(root, '.data')
  mkdirSync(parent, { recursive: true })
  const folder = mkdtempSync(join(parent, 'bench-'))
  try {
    const of = count === 0 ? OWN.map((name) => [name, name]) : names(count).map((name) => [name, 'test-async-task'])
    for (const [name = '', source = ''] of of) {
      for (const part of ['workflows', 'activities']) {
        const target = join(root, 'integrations', source, part, 'index.ts')
        plantModule(folder, name, part, `export * from '${target}'\n`)
      }
    }
    return await use(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const BROKEN = 'broken'

/** An integration whose workflows can be loaded, but not bundled. */
export function plantBroken(folder: string): void {
  plantModule(folder, BROKEN, 'workflows', "export { readFileSync } from 'node:fs'\n")
}

export function removeBroken(folder: string): void {
  rmSync(join(folder, 'integrations', BROKEN), { recursive: true })
}

/** Bundles ahead of a start. The workflows of many are the same: one bundle is enough. */
export async function bundleMany(folder: string, count: number): Promise<void> {
  const [first = '', ...others] = names(count)
  const bundles = bundlesOf(folder)
  await new BundleCache(bundles).bundle(first, join(folder, 'integrations', first, 'workflows', 'index.ts'))
  for (const name of others)
    for (const kind of ['js', 'json']) copyFileSync(join(bundles, `${first}.${kind}`), join(bundles, `${name}.${kind}`))
}

/** Where its bundles are. */
export function bundlesOf(folder: string): string {
  return join(folder, '.cache', 'workflow-bundles')
}

export function names(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `bench${String(index + 1).padStart(2, '0')}`)
}

function plantModule(folder: string, integration: string, part: string, code: string): void {
  const path = join(folder, 'integrations', integration, part)
  mkdirSync(path, { recursive: true })
  writeFileSync(join(path, 'index.ts'), code)
}
