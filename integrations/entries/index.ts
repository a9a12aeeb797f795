/** This process's integrations, by its configuration. */
import { config } from '../../config.js'
import { createApplicationIntegrations } from './application.js'

export default createApplicationIntegrations(config)
