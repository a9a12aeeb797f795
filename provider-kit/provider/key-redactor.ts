import { createRedactor, type Redact } from '../../lib/redaction.js'
import { type ProviderEndpoint, SIMULATOR_KEY } from './config.js'

const ofKeys = new Map<string, Redact>()

/** Redacts a provider's key. The simulators' key is no secret, and may occur elsewhere. */
export function keyRedactor({ apiKey }: Pick<ProviderEndpoint, 'apiKey'>): Redact {
  const redact = ofKeys.get(apiKey) ?? createRedactor(apiKey === SIMULATOR_KEY ? [] : [apiKey])
  ofKeys.set(apiKey, redact)
  return redact
}
