/** Both components as the manifests of `deploy/kubernetes` start them, in a cluster's environment. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { application } from '@/application.js'
import { freePort } from '@/tools/temporal/free-port.js'
import { createDatabase } from '../support/shared.js'
import { confined } from './confined.js'
import { buildImage, type Image } from './image.js'
import { containerEnv, type Deployment, readManifests, type Service, serviceLinks, type Values } from './manifests.js'

const { deployments, services } = await readManifests()

/** What is there beside the application: every cluster's own API, and Temporal. */
const otherServices: Service[] = [
  { kind: 'Service', metadata: { name: 'kubernetes' }, spec: { ports: [{ port: 443, name: 'https' }] } },
  { kind: 'Service', metadata: { name: 'temporal-frontend' }, spec: { ports: [{ port: 7233, name: 'grpc-rpc' }] } },
]

describe('the Services', () => {
  it('put no variable into the pods that the application reads', () => {
    const links = new Set([...services, ...otherServices].flatMap((service) => Object.keys(serviceLinks(service))))
    const read = variablesRead()
    expect(read.filter((name) => links.has(name))).toEqual([])
    expect(read).toEqual(expect.arrayContaining(['MAIN_LISTEN_PORT', 'DATABASE_URL', 'LOG_LEVEL']))
  })

  it('put nothing into the pods, which ask for nothing', () => {
    expect(services.map(({ metadata }) => metadata.name)).toContain('main')
    for (const { metadata, spec } of deployments) {
      expect([metadata.name, spec.template.spec.enableServiceLinks]).toEqual([metadata.name, false])
    }
  })
})

describe('the containers', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kubernetes-'))
  const children: ChildProcess[] = []
  let image: Image
  let cluster: { secrets: Values; configMaps: Values; network: Record<string, string> }
  beforeAll(async () => {
    image = await buildImage()
    // The user of the containers is not this one.
    chmodSync(dirname(dirname(image.folder)), 0o755)
    for (const path of [folder, join(folder, 'artifacts'), join(folder, 'tmp')]) {
      mkdirSync(path, { recursive: true })
      chmodSync(path, 0o777)
    }
    const [main, health] = [await freePort(), await freePort()]
    cluster = {
      secrets: {
        'internal-api': { token: 'a-token-of-some-length' },
        'main-auth': { API_TOKENS: 'anna:a-token-of-annas-own' },
        'main-database': { url: await createDatabase() },
        providers: { 'ark-api-key': 'ark-key', 'image-api-key': 'image-key' },
      },
      configMaps: {
        main: { 'public-url': 'https://app.example.org' },
        providers: {
          'ark-model': 'video-model',
          'image-base-url': 'https://images.example/v1',
          'image-model': 'image-model',
        },
        temporal: { address: inject('temporalAddress') },
      },
      // A pod has all ports to itself, a name server, and a volume.
      network: {
        MAIN_LISTEN_PORT: String(main),
        MAIN_URL: `http://127.0.0.1:${main}`,
        ASYNC_TASK_HEALTH_PORT: String(health),
      },
    }
    // All that an image's build downloads and compiles.
  }, 420_000)
  afterAll(async () => {
    for (const child of children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    rmSync(folder, { recursive: true, force: true })
    await image?.remove()
  })

  it('have no package that is for development', () => {
    const installed = readdirSync(join(image.folder, 'node_modules'))
    expect(installed).toContain('hono')
    for (const name of ['vitest', 'typescript', 'tsx']) expect(installed).not.toContain(name)
  })

  it.each([
    ['main', 'MAIN_LISTEN_PORT', 3000],
    ['async-task', 'ASYNC_TASK_HEALTH_PORT', 3001],
  ] as const)(
    '%s becomes ready without rights, on a read-only disk, whatever Services put into its environment',
    async (name, portVariable, port) => {
      const deployment = deployments.find(({ metadata }) => metadata.name === name) as Deployment
      const [container] = deployment.spec.template.spec.containers
      const links = Object.assign({}, ...[...services, ...otherServices].map(serviceLinks))
      const own = containerEnv(container, cluster.secrets, cluster.configMaps)
      // As Kubernetes does: what the manifest says wins over Services, and they over the image.
      const mounted = { ARTIFACTS_DIR: join(folder, 'artifacts'), TMPDIR: join(folder, 'tmp') }
      const elsewhere = own.TEMPORAL_METRICS_PORT && { TEMPORAL_METRICS_PORT: String(await freePort()) }
      const env = { ...image.env, ...cluster.network, ...links, ...own, ...mounted, ...elsewhere }
      const { startupProbe, readinessProbe, livenessProbe, ports } = container
      expect(ports).toContainEqual({ name: readinessProbe.httpGet.port, containerPort: port })

      await ready(container.args, env)
      // A cluster asks again and again: readiness comes and goes with the gates.
      for (const { httpGet } of [startupProbe, livenessProbe, readinessProbe]) {
        const probe = `http://127.0.0.1:${cluster.network[portVariable]}${httpGet.path}`
        await expect.poll(async () => (await fetch(probe)).status, { message: httpGet.path }).toBe(200)
      }
      if (name !== 'main') return
      for (const file of ['', 'style.css', 'main.js', 'library-preact.js']) {
        expect([
          file,
          (await fetch(`http://127.0.0.1:${cluster.network[portVariable]}/console/${file}`)).status,
        ]).toEqual([file, 200])
      }
    },
  )

  /** Resolves when the process says that it is ready; rejects with what it printed when it ends before. */
  async function ready(args: string[], env: Record<string, string>): Promise<void> {
    const places = { image: image.folder, writable: folder }
    const [program = '', ...options] = confined([...image.entrypoint, ...args], places)
    const child = spawn(program, options, {
      env: { PATH: process.env.PATH, HOME: '/home/node', ...env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    children.push(child)
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output += String(chunk)))
    const ended = once(child, 'close').then(([code]) => `ended with ${code}:\n${output}`)
    const said = once(child, 'message').then(([message]) => (message as { type: string }).type)
    expect(await Promise.race([said, ended])).toBe('ready')
    expect(output).not.toContain('bundl')
  }
})

/** Those that the configuration's files, the integrations and the image's sources name. */
function variablesRead(): string[] {
  const files = ['app.config.json', 'deploy.dev.json', 'deploy.prod.json', 'startMain.ts', 'startAsyncTask.ts']
  for (const folder of [
    'config',
    'lib',
    'package',
    'artifacts',
    'provider-kit',
    'tasks',
    'integrations',
    'main-component',
    'async-task-component',
  ]) {
    for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      if (file.endsWith('.ts')) files.push(join(folder, file))
    }
  }
  const texts = files.map((file) => readFileSync(file, 'utf8'))
  const text = [...texts, JSON.stringify(application.template)].join('\n')
  return [...text.matchAll(/(?:\$\{|\benv\.)([A-Z][A-Z0-9_]+)/g)].map(([, name]) => name as string)
}
