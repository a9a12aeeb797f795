/** This repository's own application. */
import * as integrations from './integrations/entries/definitions.js'
import { sources } from './integrations/entries/sources.js'
import { defineApplication } from './package/index.js'

export const application = defineApplication({
  integrations,
  folder: new URL('./integrations/', import.meta.url),
  model: async () => ({ ...(await import('./backend/index.js')), sources }),
})
