/** Which connections a namespace's NetworkPolicies let through, by their rules: what no policy selects is open. */
import ipaddr from 'ipaddr.js'
import { z } from 'zod'
import type { KubernetesObject } from './render.js'

type Labels = Record<string, string>
/** A pod of the namespace or of another one, or an address outside of the cluster. */
export type Peer = { pod: Labels; namespace?: Labels } | { address: string }

const selector = z.strictObject({
  matchLabels: z.record(z.string(), z.string()).default({}),
  matchExpressions: z
    .array(z.strictObject({ key: z.string(), operator: z.literal('In'), values: z.array(z.string()) }))
    .default([]),
})
const peer = z.strictObject({
  podSelector: selector.optional(),
  namespaceSelector: selector.optional(),
  ipBlock: z.strictObject({ cidr: z.string(), except: z.array(z.string()).default([]) }).optional(),
})
const rule = z.strictObject({
  from: z.array(peer).optional(),
  to: z.array(peer).optional(),
  ports: z.array(z.strictObject({ port: z.union([z.string(), z.number()]), protocol: z.enum(['TCP', 'UDP']) })),
})
const policySchema = z.strictObject({
  podSelector: selector,
  policyTypes: z.array(z.enum(['Ingress', 'Egress'])),
  ingress: z.array(rule).default([]),
  egress: z.array(rule).default([]),
})

/** @param port by its name or number, as the policies have it */
export function allows(objects: KubernetesObject[], from: Peer, to: Peer, port: string | number): boolean {
  const policies = objects.filter(({ kind }) => kind === 'NetworkPolicy').map(({ spec }) => policySchema.parse(spec))
  const passes = (side: 'ingress' | 'egress', own: Peer, other: Peer) => {
    // Others' policies are theirs.
    if (!('pod' in own) || own.namespace) return true
    const type = side === 'ingress' ? 'Ingress' : 'Egress'
    const selecting = policies.filter(
      ({ policyTypes, podSelector }) => policyTypes.includes(type) && selects(podSelector, own.pod),
    )
    if (selecting.length === 0) return true
    return selecting
      .flatMap((policy) => policy[side])
      .some(({ ports, from: sources, to: targets }) => {
        const peers = side === 'ingress' ? sources : targets
        return ports.some((allowed) => allowed.port === port) && (!peers || peers.some((one) => matches(one, other)))
      })
  }
  return passes('egress', from, to) && passes('ingress', to, from)
}

function matches({ podSelector, namespaceSelector, ipBlock }: z.infer<typeof peer>, other: Peer): boolean {
  if ('address' in other) {
    return (
      ipBlock !== undefined &&
      within(other.address, ipBlock.cidr) &&
      !ipBlock.except.some((range) => within(other.address, range))
    )
  }
  if (ipBlock) return false
  const inNamespace = namespaceSelector ? selects(namespaceSelector, other.namespace ?? {}) : !other.namespace
  return inNamespace && (!podSelector || selects(podSelector, other.pod))
}

/** @param labelSelector as the object has it */
export function selects(labelSelector: unknown, labels: Labels): boolean {
  const { matchLabels, matchExpressions } = selector.parse(labelSelector)
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, values }) => values.includes(labels[key] ?? ''))
  )
}

function within(address: string, range: string): boolean {
  const [parsed, [network, bits]] = [ipaddr.parse(address), ipaddr.parseCIDR(range)]
  return parsed.kind() === network.kind() && parsed.match(network, bits)
}
