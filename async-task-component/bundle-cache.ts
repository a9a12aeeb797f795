/**
 * A cache of workflow bundles. A bundle is reused only if every file that went into it is unchanged: it does not depend
 * on a clock, a version or a switch, so a stale one cannot run. `npm run build` fills the folder of a build, so that a
 * process started from it needs no bundler.
 */
import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join, relative, resolve } from 'node:path'
import { z } from 'zod'
import { jsonOf } from '../lib/json.js'
import { BUNDLER, bundleWorkflows } from './workflow-bundle.js'

/** The paths of `inputs` are relative to the folder: it moves together with its sources. */
const manifestSchema = z.strictObject({ code: z.string(), inputs: z.record(z.string(), z.string()) })
type Manifest = z.output<typeof manifestSchema>

export class BundleCache {
  /** @param folder is made if it is missing; a read-only one is only read */
  constructor(
    private readonly folder: string,
    private readonly make = bundleWorkflows,
  ) {}

  /**
   * Gives a bundle for a worker, from the folder if possible.
   *
   * @param name of the bundle
   * @throws WorkflowBundleError
   */
  async bundle(name: string, workflowsPath: string): Promise<{ codePath: string } | { code: string }> {
    const codePath = join(this.folder, `${name}.js`)
    const manifestPath = join(this.folder, `${name}.json`)
    if (await this.#isCurrent(manifestPath, codePath)) return { codePath }
    const { code, inputs } = await this.make(workflowsPath)
    const manifest: Manifest = { code: hash(code), inputs: await this.#hashed([...inputs, ...MAKERS]) }
    try {
      await mkdir(this.folder, { recursive: true })
      await replace(codePath, code)
      await replace(manifestPath, JSON.stringify(manifest))
    } catch {
      // In a read-only image only the next start has to bundle again.
    }
    return { code }
  }

  async #isCurrent(manifestPath: string, codePath: string): Promise<boolean> {
    const text = await readFile(manifestPath, 'utf8').catch(() => '')
    const parsed = manifestSchema.safeParse(jsonOf(text))
    if (!parsed.success) return false
    const { code, inputs } = parsed.data
    if ((await hashOf(codePath)) !== code) return false
    const now = await this.#hashed([...Object.keys(inputs).map((path) => resolve(this.folder, path)), ...MAKERS])
    return Object.entries(now).every(([path, is]) => inputs[path] === is)
  }

  async #hashed(paths: string[]): Promise<Record<string, string>> {
    const hashes = paths.map(async (path) => [relative(this.folder, path), await hashOf(path)] as const)
    return Object.fromEntries(await Promise.all(hashes))
  }
}

/** In another release, the SDK's bundler or our use of it may produce something else. */
const MAKERS = [createRequire(import.meta.url).resolve('@temporalio/worker/package.json'), BUNDLER]

/** Others may read meanwhile, or write the same. */
async function replace(path: string, content: string): Promise<void> {
  const whole = `${path}.${randomUUID()}`
  await writeFile(whole, content)
  await rename(whole, path)
}

/** A file that cannot be read gives nothing. */
async function hashOf(path: string): Promise<string> {
  const content = await readFile(path).catch(() => null)
  return content === null ? '' : hash(content)
}

function hash(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('base64url')
}
