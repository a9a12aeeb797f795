/** This process's configured integrations. */
import { application } from '../../application.js'
import { config } from '../../config.js'
import { createApplicationIntegrations } from '../../package/main.js'
import { sources } from './sources.js'

export default createApplicationIntegrations(application, sources, config)
