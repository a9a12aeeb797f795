/** The package as it is published: packed, looked at, and used by an application of its own outside of this repository. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { publint } from 'publint'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { createClient } from '@/client/index.js'
import type * as integrations from '@/examples/own-app/src/integrations/index.js'
import { simulate } from '@/simulator/index.js'
import { copyRepository } from '@/tools/mutants/run.js'
import { freePort } from '@/tools/temporal/free-port.js'

const execute = promisify(execFile)
const cli = join('node_modules', '.bin', 'async-task')
const children: ChildProcess[] = []
let env: NodeJS.ProcessEnv
const provider = simulate(
  { namespace: 'provider', shape: 'polled' },
  {
    path: '/v1/jobs',
    show: ({ id, request, state, url, error }) => ({ id, mark: request.mark, state, url, error }),
  },
)()

let folder: string
let app: string
let archive: Buffer
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'own-app-'))
  app = join(folder, 'own-app')
  const repository = await copyRepository()
  try {
    await run('npm', ['run', 'build'], repository.folder)
    const packed = await run('npm', ['pack', '--json', '--pack-destination', folder], repository.folder)
    const file = join(folder, JSON.parse(packed)[0].filename)
    archive = await readFile(file)
    await cp('examples/own-app', app, { recursive: true, filter: (path) => !/node_modules|dist|\.data/.test(path) })
    await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', file], app)
  } finally {
    await repository.remove()
  }
  // All that an installation downloads.
}, 420_000)

afterAll(async () => {
  for (const child of children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)) {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  await provider.stop()
  await rm(folder, { recursive: true, force: true })
})

async function run(command: string, args: string[], cwd: string): Promise<string> {
  const env = { ...process.env, VITEST: undefined, NODE_ENV: undefined }
  const { stdout } = await execute(command, args, { cwd, env, maxBuffer: 2 ** 26 })
  return stdout
}

it('publint finds nothing in the archive', async () => {
  const { messages } = await publint({ pack: { tarball: new Uint8Array(archive).buffer }, strict: true })
  expect(messages).toEqual([])
})

it('whoever imports ES modules gets the right types', async () => {
  const checked = await checkPackage(createPackageFromTarballData(new Uint8Array(archive)))
  const problems = 'problems' in checked ? checked.problems : [{ kind: 'NoTypes' as const }]
  // It is for ES modules alone: CommonJS may only import it dynamically, and knows no `exports` in its oldest form.
  const esm = problems.filter(
    (problem) => !('resolutionKind' in problem && ['node10', 'node16-cjs'].includes(problem.resolutionKind)),
  )
  expect(esm).toEqual([])
})

it('the application compiles against it', async () => {
  expect(await run('npm', ['run', 'build'], app)).not.toContain('error')
})

it('says what it can do, and what is wrong', async () => {
  expect(await run(process.execPath, [cli, '--help'], app)).toContain('async-task <command>')
  const refused = (args: string[], cwd = app) =>
    run(process.execPath, [join(app, cli), ...args], cwd).then(
      (said) => `done: ${said}`,
      ({ stderr }) => stderr,
    )
  expect(await refused(['work'])).toContain('There is no command work')
  expect(await refused(['worker', '--port', '1'])).toContain("Unknown option '--port'")
  expect(await refused(['worker'], folder)).toContain(`There is no application in ${folder}`)
  expect(await refused(['worker', '--application', 'dist/server2.js'])).toContain('There is no')
  expect(await refused(['worker', '--application', 'dist/model.js'])).toContain('exports no application')
  expect(await refused(['simulator', 'acmeSpeech'])).toContain('no integration has a simulator')
  expect(await refused(['new', 'acme-speech'])).toContain('"acme-speech" is no name')
})

it('adds integrations that compile, with their simulators', async () => {
  expect(await run(process.execPath, [cli, 'new', 'acmeWords', '--shape', 'custom'], app)).toContain('added src')
  expect(await run(process.execPath, [cli, 'new', 'acmeSongs', '--shape', 'polled'], app)).toContain('added tests')
  await run('npm', ['run', 'build'], app)
  const test = await readFile(join(app, 'tests', 'acmeSongs.test.ts'), 'utf8')
  expect(test).toContain("from 'interaqt-async-task/testing'")
  expect(test).toContain("from '../src/integrations/acmeSongs/simulator.js'")
  for (const name of ['acmeWords', 'acmeSongs']) await rm(join(app, 'src', 'integrations', name), { recursive: true })
  await rm(join(app, 'dist'), { recursive: true })
  await run('npm', ['run', 'build'], app)
})

it('completes tasks in the application’s own process, and in a daemon of the CLI', async () => {
  const port = await freePort()
  const main = `http://127.0.0.1:${port}`
  env = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    MAIN_LISTEN_PORT: String(port),
    MAIN_URL: main,
    TEMPORAL_ADDRESS: inject('temporalAddress'),
    ACME_SPEECH_SIMULATOR_URL: (await provider.start()).url,
  }
  await run(process.execPath, [cli, 'bundle'], app)
  await Promise.all([start('dist/server.js'), start(cli, 'worker')])

  // The console's page and its libraries are a part of the package.
  const shown = await (await fetch(`${main}/console/`)).text()
  const { imports } = JSON.parse(/<script type="importmap">(.*)<\/script>/.exec(shown)?.[1] ?? '')
  for (const file of ['style.css', 'main.js', ...Object.values<string>(imports)]) {
    expect([file, (await fetch(new URL(file, `${main}/console/`))).status]).toEqual([file, 200])
  }

  const client = createClient<typeof integrations>({ baseUrl: main })
  const task = await client.acmeSpeech.create({ text: 'Hello' })
  const { audio } = await task.result()
  expect(await (await fetch(audio.url)).text()).toContain('a file of the simulator')

  const greeted = await fetch(`${main}/greetings`, {
    method: 'POST',
    body: JSON.stringify({ text: 'Good morning' }),
  })
  expect(greeted.status).toBe(201)
  const spoken = (text: string) => ({ text, apiCalls: [{ status: 'completed', result: { audio: expect.anything() } }] })
  const greetings = async () => (await fetch(`${main}/greetings`)).json()
  await expect.poll(greetings).toMatchObject([spoken('Hello'), spoken('Good morning')])
})

it('stops when it is told to; main then runs by itself over the same data', async () => {
  await stopAll()
  await start(cli, 'main')
  await stopAll()
  expect(await run(process.execPath, [cli, 'migrate', '--plan'], app)).toContain('there is nothing to do')
})

async function stopAll(): Promise<void> {
  for (const child of children.splice(0)) {
    if (child.exitCode === null) {
      const exited = once(child, 'exit')
      child.kill('SIGTERM')
      await exited
    }
    expect(child.exitCode).toBe(0)
  }
}

/** Resolves when the process says that it is ready; fails with what it printed when it ends before. */
async function start(...args: string[]): Promise<void> {
  const child = spawn(process.execPath, args, { cwd: app, env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
  children.push(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output += String(chunk)))
  const ended = once(child, 'close').then(([code]) => `${args.join(' ')} ended with ${code}:\n${output}`)
  const ready = once(child, 'message').then(([message]) => (message as { type: string }).type)
  expect(await Promise.race([ready, ended])).toBe('ready')
}
