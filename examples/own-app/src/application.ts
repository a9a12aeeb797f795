/** What main, the daemon and the migration go by. */
import { defineApplication } from 'interaqt-async-task'
import * as integrations from './integrations/index.js'

export const application = defineApplication({
  integrations,
  folder: new URL('./integrations/', import.meta.url),
  model: () => import('./model.js'),
})
