import { createRedactor, type Redact } from '../../lib/redaction.js'
import { type ProviderEndpoint, SIMULATOR_KEY } from './config.js'

const ofKeys = new Map<string, Redact>()

/** Takes a provider's key out. The simulators' is no secret, and a word that stands in other places too. */
export function keyRedactor({ apiKey }: Pick<ProviderEndpoint, 'apiKey'>): Redact {
  const redact = ofKeys.get(apiKey) ?? createRedactor(apiKey === SIMULATOR_KEY ? [] : [apiKey])
  ofKeys.set(apiKey, redact)
  return redact
}
