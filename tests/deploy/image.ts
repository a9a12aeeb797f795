/** Builds what `deploy/Dockerfile` describes, step by step and without a container engine, and says how it is started. */
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { z } from 'zod'

const execute = promisify(execFile)

export interface Image {
  /** Its working directory. */
  folder: string
  env: Record<string, string>
  entrypoint: string[]
  remove(): Promise<void>
}

/** @throws for an instruction that it does not know, and where a step fails, with what that printed */
export async function buildImage(): Promise<Image> {
  const root = await mkdtemp(join(tmpdir(), 'image-'))
  const remove = () => rm(root, { recursive: true, force: true })
  try {
    const context = join(root, 'context')
    await copyContext(context)
    const stages = new Map<string, string>()
    let stage = ''
    let env: Record<string, string> = {}
    let entrypoint: string[] = []
    for (const [instruction, ...words] of await readSteps()) {
      const rest = words.join(' ')
      if (instruction === 'FROM') {
        stage = join(root, `stage-${stages.size}`)
        stages.set(words[2] ?? 'last', stage)
        await mkdir(join(stage, 'app'), { recursive: true })
        env = {}
      } else if (instruction === 'COPY') {
        const [from, ...paths] = words[0]?.startsWith('--from=') ? words : ['', ...words]
        const source = from ? (stages.get(from.slice('--from='.length)) as string) : context
        await copy(source, paths.slice(0, -1), join(stage, 'app', paths.at(-1) as string))
      } else if (instruction === 'RUN') {
        await execute('sh', ['-c', rest], { cwd: join(stage, 'app'), env: { ...process.env, ...env } })
      } else if (instruction === 'ENV') {
        env = { ...env, ...Object.fromEntries(words.map((pair) => pair.split('='))) }
      } else if (instruction === 'ENTRYPOINT') {
        entrypoint = z.array(z.string()).parse(JSON.parse(rest))
      } else if (!['WORKDIR /app', 'USER node', 'CMD ["dist/startMain.js"]'].includes(`${instruction} ${rest}`)) {
        throw new Error(`No step of the Dockerfile that is known here: ${instruction} ${rest}`)
      }
    }
    return { folder: join(stage, 'app'), env, entrypoint, remove }
  } catch (error) {
    await remove()
    throw error
  }
}

async function readSteps(): Promise<string[][]> {
  const dockerfile = await readFile('deploy/Dockerfile', 'utf8')
  const lines = dockerfile.split('\n').filter((line) => line && !line.startsWith('#'))
  return lines.map((line) => line.split(/ +/))
}

/** What git knows: nothing that this machine happens to have beside it, as `.dockerignore` says. */
async function copyContext(to: string): Promise<void> {
  const { stdout } = await execute('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'])
  for (const file of stdout.split('\0').filter(Boolean)) {
    await mkdir(dirname(join(to, file)), { recursive: true })
    await cp(file, join(to, file))
  }
}

/** A file goes into a folder, and of a folder all that is in it, as COPY has it. */
async function copy(root: string, paths: string[], to: string): Promise<void> {
  await mkdir(to, { recursive: true })
  for (const path of paths) {
    const from = join(root, path)
    const isFile = basename(path).includes('.json')
    // Packages are many files, and nobody asks the stage for them again.
    if (basename(path) === 'node_modules') await rename(from, to)
    else await cp(from, isFile ? join(to, basename(path)) : to, { recursive: true, verbatimSymlinks: true })
  }
}
