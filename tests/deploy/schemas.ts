/** What the API server would refuse of an object: by the schemas of Kubernetes, KEDA and the Prometheus Operator. */
import * as keda from '@kubernetes-models/keda/keda.sh/v1alpha1'
import * as monitoring from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1'
import * as apps from 'kubernetes-models/apps/v1'
import * as batch from 'kubernetes-models/batch/v1'
import * as networking from 'kubernetes-models/networking.k8s.io/v1'
import * as policy from 'kubernetes-models/policy/v1'
import * as core from 'kubernetes-models/v1'
import type { KubernetesObject } from './render.js'

interface Model {
  prototype: { validate(this: unknown): void }
}

const MODELS: Record<string, Record<string, unknown>> = {
  v1: core,
  'apps/v1': apps,
  'batch/v1': batch,
  'networking.k8s.io/v1': networking,
  'policy/v1': policy,
  'keda.sh/v1alpha1': keda,
  'monitoring.coreos.com/v1': monitoring,
}

/** @returns what is wrong, each with its place: values that a schema refuses, and fields that none knows */
export function problemsOf(object: KubernetesObject): string[] {
  const model = MODELS[object.apiVersion]?.[object.kind] as Model | undefined
  if (!model) return [`no schema of ${object.apiVersion} ${object.kind}`]
  const unread = new Map<string, true>()
  try {
    model.prototype.validate.call(watched(object, '', unread))
  } catch (error) {
    return [(error as Error).message]
  }
  return [...unread.keys()].map((path) => `${path}: is no field`)
}

/** The schemas let unknown fields pass, but their validators read each field that they know. */
function watched<T extends object>(value: T, path: string, unread: Map<string, true>): T {
  for (const key of Object.keys(value)) unread.set(`${path}/${key}`, true)
  return new Proxy(value, {
    get(target, key) {
      const found = Reflect.get(target, key) as unknown
      if (typeof key !== 'string') return found
      unread.delete(`${path}/${key}`)
      return typeof found === 'object' && found !== null ? watched(found, `${path}/${key}`, unread) : found
    },
  })
}
