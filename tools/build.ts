/** `npm run build`: compiles the product into `dist` and bundles its workflows, so that a start needs neither. */
import { execFileSync } from 'node:child_process'
import { cpSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const dist = join(root, 'dist')

rmSync(dist, { recursive: true, force: true })
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
execFileSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json')], { stdio: 'inherit' })
// What needs no compilation: the programs of threads, the configuration of applications that bring none, templates, and
// the console's style.
for (const path of [
  'main-component/initialise-pglite.mjs',
  'main-component/stall-watch.mjs',
  'app.config.json',
  'tools/new-integration/templates',
])
  cpSync(join(root, path), join(dist, path), { recursive: true })
const page = join('main-component', 'console', 'page')
cpSync(join(root, page), join(dist, page), { recursive: true, filter: (path) => !path.endsWith('.ts') })

// By the build itself, as its start looks whether the same bundler made them.
const { bundleAll } = await import(join(dist, 'async-task-component', 'run.js'))
await bundleAll({ integrationsPath: join(dist, 'integrations') })
