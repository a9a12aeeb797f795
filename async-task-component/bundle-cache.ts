/**
 * Workflow bundles that were made before. A bundle is used again only where each file that went into it is as it was:
 * no clock, version or switch decides, so a stale one cannot be run. `npm run build` fills the folder of a build, and a
 * process that starts from it needs no bundler's seconds.
 */
import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join, relative, resolve } from 'node:path'
import { z } from 'zod'
import { bundleWorkflows } from './workflow-bundle.js'

/** Of `inputs` the paths are relative to the folder: it moves together with what it was made of. */
const manifestSchema = z.strictObject({ code: z.string(), inputs: z.record(z.string(), z.string()) })
type Manifest = z.output<typeof manifestSchema>

export class BundleCache {
  readonly #folder: string
  readonly #make: typeof bundleWorkflows

  /** @param folder is made where it is not there; one that cannot be written to is only read */
  constructor(folder: string, make = bundleWorkflows) {
    this.#folder = folder
    this.#make = make
  }

  /**
   * Gives a bundle as a worker takes it, from the folder if it can.
   * @throws WorkflowBundleError
   */
  async bundle(name: string, workflowsPath: string): Promise<{ codePath: string } | { code: string }> {
    const codePath = join(this.#folder, `${name}.js`)
    const manifestPath = join(this.#folder, `${name}.json`)
    if (await this.#isCurrent(manifestPath, codePath)) return { codePath }
    const { code, inputs } = await this.#make(workflowsPath)
    const manifest: Manifest = { code: hash(code), inputs: await this.#hashed([...inputs, SDK]) }
    try {
      await mkdir(this.#folder, { recursive: true })
      await replace(codePath, code)
      await replace(manifestPath, JSON.stringify(manifest))
    } catch {
      // In an image that is read only the next start bundles again, and that is all.
    }
    return { code }
  }

  async #isCurrent(manifestPath: string, codePath: string): Promise<boolean> {
    const text = await readFile(manifestPath, 'utf8').catch(() => '')
    const parsed = manifestSchema.safeParse(asJson(text))
    if (!parsed.success) return false
    const { code, inputs } = parsed.data
    if ((await hashOf(codePath)) !== code) return false
    const now = await this.#hashed(Object.keys(inputs).map((path) => resolve(this.#folder, path)))
    return Object.entries(inputs).every(([path, was]) => now[path] === was)
  }

  async #hashed(paths: string[]): Promise<Record<string, string>> {
    const hashes = paths.map(async (path) => [relative(this.#folder, path), await hashOf(path)] as const)
    return Object.fromEntries(await Promise.all(hashes))
  }
}

/** What its bundler makes of the same files may differ from release to release. */
const SDK = createRequire(import.meta.url).resolve('@temporalio/worker/package.json')

/** Others may read meanwhile, or write the same. */
async function replace(path: string, content: string): Promise<void> {
  const whole = `${path}.${randomUUID()}`
  await writeFile(whole, content)
  await rename(whole, path)
}

/** Of a file that cannot be read, nothing. */
async function hashOf(path: string): Promise<string> {
  const content = await readFile(path).catch(() => null)
  return content === null ? '' : hash(content)
}

function hash(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('base64url')
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
