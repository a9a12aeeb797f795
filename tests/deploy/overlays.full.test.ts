/** What `deploy/kubernetes` makes for a cluster, as the API server would check it, and as a cluster would run it. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { loadConfig } from '@/config/load.js'
import { integrationTaskQueue, providerTaskQueue } from '@/protocol/names.js'
import { allows, selects } from './network-policies.js'
import { type KubernetesObject, objectSchema, render } from './render.js'
import { problemsOf } from './schemas.js'

const FOLDERS = ['overlays/dev', 'overlays/prod', 'migrate'] as const
const rendered = {} as Record<(typeof FOLDERS)[number], KubernetesObject[]>
beforeAll(async () => {
  for (const folder of FOLDERS) rendered[folder] = await render(folder)
})

const probe = z.object({ httpGet: z.object({ path: z.string(), port: z.string() }) })
const podSchema = z.object({
  metadata: z.object({ labels: z.record(z.string(), z.string()) }),
  spec: z.object({
    automountServiceAccountToken: z.boolean().optional(),
    terminationGracePeriodSeconds: z.number().optional(),
    securityContext: z.unknown(),
    containers: z.array(
      z.object({
        ports: z.array(z.object({ name: z.string() })).default([]),
        env: z.array(z.object({ name: z.string(), value: z.string().optional() })),
        resources: z.unknown(),
        securityContext: z.unknown(),
        startupProbe: probe.optional(),
        readinessProbe: probe.optional(),
        livenessProbe: probe.optional(),
      }),
    ),
  }),
})
const selecting = z.looseObject({
  selector: z.unknown().optional(),
  podSelector: z.unknown().optional(),
  ports: z.array(z.object({ targetPort: z.string() })).optional(),
})
const monitoring = z.object({ selector: z.unknown(), endpoints: z.array(z.object({ port: z.string() })) })
const scaling = z.object({ triggers: z.array(z.object({ metadata: z.record(z.string(), z.string()) })) })
type Pod = z.infer<typeof podSchema> & { owner: string }

/** What Deployments and Jobs start. */
function podsOf(objects: KubernetesObject[]): Pod[] {
  const owners = objects.filter(({ kind }) => ['Deployment', 'Job'].includes(kind))
  return owners.map(({ metadata, spec }) => ({
    owner: metadata.name,
    ...podSchema.parse((spec as { template: unknown }).template),
  }))
}

describe.each(FOLDERS)('%s', (folder) => {
  it('has only what the API server takes', () => {
    const problems = rendered[folder].flatMap((object) =>
      problemsOf(object).map((problem) => `${object.kind} ${object.metadata.name}${problem}`),
    )
    expect(problems).toEqual([])
  })

  it('lets no container be more than it needs', () => {
    const pods = podsOf(rendered[folder])
    expect(pods).not.toEqual([])
    for (const { owner, spec } of pods) {
      expect([owner, spec]).toMatchObject([
        owner,
        {
          automountServiceAccountToken: false,
          securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
          containers: [
            {
              securityContext: {
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                capabilities: { drop: ['ALL'] },
              },
              resources: {
                requests: { memory: expect.any(String), cpu: expect.any(String) },
                limits: { memory: expect.any(String) },
              },
            },
          ],
        },
      ])
    }
  })

  it('holds no secret, only where each is', () => {
    expect(rendered[folder].filter(({ kind }) => kind === 'Secret')).toEqual([])
    const given = podsOf(rendered[folder]).flatMap(({ spec }) => spec.containers.flatMap(({ env }) => env))
    const secret = /TOKEN|KEY|SECRET|DATABASE_URL/
    expect(given.filter(({ name, value }) => secret.test(name) && value !== undefined)).toEqual([])
    expect(given.some(({ name }) => secret.test(name))).toBe(true)
  })

  it('selects pods that there are, at ports that they have', () => {
    const pods = podsOf(rendered[folder])
    for (const { kind, metadata, spec } of rendered[folder]) {
      const { selector, podSelector, ports = [] } = selecting.parse(spec ?? {})
      const wanted = kind === 'Service' ? { matchLabels: selector } : (selector ?? podSelector)
      if (!wanted || kind === 'ServiceMonitor') continue
      const selected = pods.filter(({ metadata: { labels } }) => selects(wanted, labels))
      const named = selected.flatMap(({ spec: { containers } }) => containers.flatMap((one) => one.ports))
      const missing = ports.filter(({ targetPort }) => !named.some(({ name }) => name === targetPort))
      expect([kind, metadata.name, selected.length > 0, missing]).toEqual([kind, metadata.name, true, []])
    }
  })
})

it('has Prometheus scrape each port that serves metrics', () => {
  const ofKind = (wanted: string) => rendered['overlays/prod'].filter(({ kind }) => kind === wanted)
  const [monitor] = ofKind('ServiceMonitor')
  const { selector, endpoints } = monitoring.parse(monitor?.spec)
  const scraped = ofKind('Service').filter(({ metadata: { labels } }) => selects(selector, labels))
  const ports = scraped.flatMap(({ spec }) => selecting.parse(spec).ports ?? [])
  expect(endpoints.map(({ port }) => port).sort()).toEqual(ports.map(({ targetPort }) => targetPort).sort())
  expect(scraped.map(({ metadata: { name } }) => name).sort()).toEqual(['async-task', 'main'])
})

describe.each([
  ['overlays/dev', 'dev'],
  ['overlays/prod', 'prod'],
] as const)('%s', (folder, mode) => {
  it('asks main and the daemon over HTTP whether they live, and restarts neither for the sake of others', () => {
    for (const { owner, spec } of podsOf(rendered[folder])) {
      const [container] = spec.containers
      const { startupProbe, readinessProbe, livenessProbe } = container ?? {}
      expect([owner, startupProbe, readinessProbe, livenessProbe]).not.toContain(undefined)
      // Readiness asks the database or Temporal, and those do not come back by restarts.
      expect([owner, livenessProbe?.httpGet.path]).not.toEqual([owner, readinessProbe?.httpGet.path])
    }
  })

  it('gives work in flight the time that the configuration promises', () => {
    const daemon = podsOf(rendered[folder]).find(({ owner }) => owner === 'async-task')
    const { shutdownGraceMs } = loadConfig({ mode, component: 'asyncTask', env: ENV }).components.asyncTask
    expect((daemon?.spec.terminationGracePeriodSeconds ?? 0) * 1000).toBeGreaterThan(shutdownGraceMs)
  })

  it('lets through what is needed, and nothing else', () => {
    const [main, daemon, other] = [{ pod: { app: 'main' } }, { pod: { app: 'async-task' } }, { pod: { app: 'other' } }]
    const elsewhere = (namespace: Record<string, string>) => ({ pod: { app: 'other' }, namespace })
    const dns = elsewhere({ 'kubernetes.io/metadata.name': 'kube-system' })
    const prometheus = elsewhere({ 'interaqt-access': 'allowed' })
    const [provider, inside] = [{ address: '93.184.215.14' }, { address: '10.1.2.3' }]
    const through = [
      [daemon, main, 'http'],
      [main, other, 5432],
      [main, other, 7233],
      [daemon, other, 7233],
      [daemon, provider, 443],
      [main, provider, 443],
      [main, dns, 53],
      [daemon, dns, 53],
      [prometheus, main, 'http'],
      [prometheus, daemon, 'health'],
    ] as const
    const refused = [
      [other, main, 'http'],
      [other, daemon, 'health'],
      [elsewhere({}), main, 'http'],
      [main, daemon, 'health'],
      [daemon, other, 5432],
      [daemon, inside, 443],
      [daemon, { address: '169.254.169.254' }, 443],
      [main, inside, 443],
      [daemon, provider, 80],
    ] as const
    const objects = rendered[folder]
    for (const [from, to, port] of through) expect([from, to, port, allows(objects, from, to, port)]).toContain(true)
    for (const [from, to, port] of refused) expect([from, to, port, allows(objects, from, to, port)]).toContain(false)
  })
})

it('takes the alerts as docs/deploying.md tells to give them', async () => {
  const docs = await readFile('docs/deploying.md', 'utf8')
  const command = /^ *\{ printf[\s\S]*?; \} \| /m.exec(docs)?.[0].replace(/ \| $/, '')
  const { stdout } = await promisify(execFile)('sh', ['-c', command ?? 'exit 1'])
  const rule = objectSchema.parse(parse(stdout))
  expect(rule).toMatchObject({ kind: 'PrometheusRule', spec: { groups: [{ rules: expect.anything() }] } })
  expect(problemsOf(rule)).toEqual([])
})

describe('the number of daemons', () => {
  it('follows all that may be to do, of each integration that production serves', () => {
    const scaled = rendered['overlays/prod'].find(({ kind }) => kind === 'ScaledObject')
    const { triggers } = scaling.parse(scaled?.spec)
    const asked = triggers.map(({ metadata }) => metadata.valueLocation ?? metadata.taskQueue)
    const { integrations } = loadConfig({ mode: 'prod', component: 'asyncTask', env: ENV })
    const enabled = Object.entries(integrations).filter(([, { enabled }]) => enabled)
    expect(enabled).not.toEqual([])
    expect(asked.sort()).toEqual(
      enabled
        .flatMap(([name]) => [
          `asynctask_oldest_due_age_seconds{integration="${name}"}`,
          `asynctask_tasks{integration="${name}",status="processing"}`,
          integrationTaskQueue(name),
          providerTaskQueue(integrationTaskQueue(name)),
        ])
        .sort(),
    )
  })
})

/** What the daemon asks for in `dev` and `prod`. */
const ENV = {
  INTERNAL_API_TOKEN: 'a-token-of-some-length',
  MAIN_PUBLIC_URL: 'https://app.example.org',
  ARK_API_KEY: 'ark-key',
  ARK_MODEL: 'video-model',
  IMAGE_API_KEY: 'image-key',
  IMAGE_BASE_URL: 'https://images.example/v1',
  IMAGE_MODEL: 'image-model',
}
