import type { FaultKind, LoggedRequest } from '../../simulator/index.js'
import type { AnyIntegration } from '../definition-parts.js'
import type { ContractOptions } from './world.js'

/** What of a definition its checks go by. */
export interface Traits {
  definition: AnyIntegration
  options: ContractOptions
  /** The faults of its simulator. */
  kinds: readonly FaultKind[]
  /** How it is found out what a lost answer has made: by looking, or what is done where nobody can. */
  ambiguity: 'find' | 'fail' | 'retry'
  hasProvider: boolean
}

/** @throws TypeError where something is missing that the definition's shape needs */
export function traitsOf(definition: AnyIntegration, options: ContractOptions): Traits {
  const { shape, namespace, asked, example } = definition
  const hasProvider = shape === 'polled' || shape === 'single'
  if (hasProvider && !options.createSimulator) {
    throw new TypeError(`${namespace} is ${shape}: give createSimulator, which stands in for its provider`)
  }
  if (!options.request && !example) throw new TypeError(`${namespace} has no example: give a request`)
  const { lookUp } = asked.polled ?? asked.single ?? {}
  const { onAmbiguousCreate } = { ...lookUp, ...options.section } as { onAmbiguousCreate?: 'fail' | 'retry' }
  const ambiguity = lookUp?.impossible ? (onAmbiguousCreate ?? 'fail') : 'find'
  const kinds = options.createSimulator?.({}).faults.kinds ?? []
  return { definition, options, kinds, ambiguity, hasProvider }
}

/** Whether a request that was neither a look nor a create had success. */
export function tookBack(requests: readonly LoggedRequest[]): boolean {
  return requests.some(
    ({ method, created, status = 0 }) => method !== 'GET' && created === undefined && status >= 200 && status < 300,
  )
}
