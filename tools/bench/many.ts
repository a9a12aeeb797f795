/** The folders of the bench's applications, with their workflows and bundles. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { BundleCache } from '../../async-task-component/bundle-cache.js'
import { names } from './bench-application.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const OWN = ['fangzhouVideoGeneration', 'nanobanana2ImageGeneration', 'test-async-task']

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

function plantModule(folder: string, integration: string, part: string, code: string): void {
  const path = join(folder, 'integrations', integration, part)
  mkdirSync(path, { recursive: true })
  writeFileSync(join(path, 'index.ts'), code)
}
