/** The Deployments and Services of production, and the environment that a cluster makes of them for a container. */
import { z } from 'zod'
import { render } from './render.js'

const source = z.object({ name: z.string(), key: z.string(), optional: z.boolean().default(false) })
const probe = z.object({ httpGet: z.object({ path: z.string(), port: z.string() }) })
const containerSchema = z.object({
  args: z.array(z.string()),
  ports: z.array(z.object({ name: z.string(), containerPort: z.number() })),
  env: z.array(
    z.object({
      name: z.string(),
      value: z.string().optional(),
      valueFrom: z.object({ secretKeyRef: source.optional(), configMapKeyRef: source.optional() }).optional(),
    }),
  ),
  envFrom: z.array(z.object({ secretRef: z.object({ name: z.string() }) })).default([]),
  startupProbe: probe,
  readinessProbe: probe,
  livenessProbe: probe,
})
const deploymentSchema = z.object({
  kind: z.literal('Deployment'),
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    template: z.object({
      spec: z.object({ enableServiceLinks: z.boolean().default(true), containers: z.tuple([containerSchema]) }),
    }),
  }),
})
const serviceSchema = z.object({
  kind: z.literal('Service'),
  metadata: z.object({ name: z.string() }),
  spec: z.object({ ports: z.array(z.object({ port: z.number(), name: z.string().optional() })) }),
})

export type Deployment = z.infer<typeof deploymentSchema>
export type Service = z.infer<typeof serviceSchema>
type Container = z.infer<typeof containerSchema>

export async function readManifests(): Promise<{ deployments: Deployment[]; services: Service[] }> {
  const objects = await render('overlays/prod')
  const ofKind = (wanted: string) => objects.filter(({ kind }) => kind === wanted)
  return {
    deployments: ofKind('Deployment').map((object) => deploymentSchema.parse(object)),
    services: ofKind('Service').map((object) => serviceSchema.parse(object)),
  }
}

/** What a Service puts into the pods of its namespace, unless they say `enableServiceLinks: false`. */
export function serviceLinks({ metadata, spec: { ports } }: Service): Record<string, string> {
  const name = metadata.name.toUpperCase().replaceAll('-', '_')
  const host = '10.0.0.1'
  const [first] = ports
  if (!first) throw new Error(`The Service ${metadata.name} has no port`)
  const links: Record<string, string> = {
    [`${name}_SERVICE_HOST`]: host,
    [`${name}_SERVICE_PORT`]: String(first.port),
    [`${name}_PORT`]: `tcp://${host}:${first.port}`,
  }
  for (const { port, name: portName } of ports) {
    if (portName) links[`${name}_SERVICE_PORT_${portName.toUpperCase().replaceAll('-', '_')}`] = String(port)
    const link = `${name}_PORT_${port}_TCP`
    links[link] = `tcp://${host}:${port}`
    links[`${link}_PROTO`] = 'tcp'
    links[`${link}_PORT`] = String(port)
    links[`${link}_ADDR`] = host
  }
  return links
}

/** Values by the name of a Secret or ConfigMap, and by key. */
export type Values = Record<string, Record<string, string>>

/** A container's own variables. Without a value that is not optional the pod would not start, and this throws. */
export function containerEnv({ env, envFrom }: Container, secrets: Values, configMaps: Values): Record<string, string> {
  const whole = envFrom.map(({ secretRef: { name } }) => {
    const secret = secrets[name]
    if (!secret) throw new Error(`There is no Secret ${name}`)
    return secret
  })
  const own = Object.fromEntries(
    env.flatMap(({ name, value, valueFrom }) => {
      if (value !== undefined) return [[name, value]]
      const { secretKeyRef, configMapKeyRef } = valueFrom ?? {}
      const from = secretKeyRef ?? configMapKeyRef
      if (!from) throw new Error(`${name} has no value`)
      const found = (secretKeyRef ? secrets : configMaps)[from.name]?.[from.key]
      if (found === undefined && !from.optional) throw new Error(`${name}: there is no ${from.name}/${from.key}`)
      return found === undefined ? [] : [[name, found]]
    }),
  )
  return Object.assign({}, ...whole, own)
}
