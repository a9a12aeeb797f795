/** Which simulators stand in for the providers of this application whose keys are not configured. */
import type { AppConfig } from '../../config.js'
import { ARK_SIMULATOR } from '../fangzhouVideoGeneration/config.js'
import { imageSimulator } from '../nanobanana2ImageGeneration/config.js'

export interface SimulatorInUse {
  integration: string
  /** As `npm run simulator -- <simulator>` knows it. */
  simulator: string
  /** Where the integration expects it. */
  url: string
}

export function simulatorsInUse(integrations: AppConfig['integrations']): SimulatorInUse[] {
  const { fangzhouVideoGeneration: video, nanobanana2ImageGeneration: image } = integrations
  return [
    { integration: 'fangzhouVideoGeneration', section: video, simulator: ARK_SIMULATOR },
    { integration: 'nanobanana2ImageGeneration', section: image, simulator: imageSimulator(image) },
  ].flatMap(({ section: { enabled, apiKey, simulatorUrl: url }, ...named }) =>
    enabled && apiKey === undefined ? { ...named, url } : [],
  )
}
