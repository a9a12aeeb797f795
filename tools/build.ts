/** `npm run build`: compiles the product into `dist` and bundles its workflows, so that a start needs neither. */
import { execFileSync } from 'node:child_process'
import { cpSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { BundleCache } from '../async-task-component/bundle-cache.js'
import { collectIntegrationWorkflows } from '../async-task-component/workflow-collector.js'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const dist = join(root, 'dist')

rmSync(dist, { recursive: true, force: true })
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
execFileSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json')], { stdio: 'inherit' })
// The program of a thread: plain JavaScript, which needs no compilation.
cpSync(join(root, 'main-component/stall-watch.mjs'), join(dist, 'main-component/stall-watch.mjs'))

const bundles = new BundleCache(join(dist, '.cache', 'workflow-bundles'))
for (const { name, workflowsPath } of await collectIntegrationWorkflows(join(dist, 'integrations'))) {
  await bundles.bundle(name, workflowsPath)
  if (!('codePath' in (await bundles.bundle(name, workflowsPath))))
    throw new Error(`The bundle of ${name} was not kept`)
}
