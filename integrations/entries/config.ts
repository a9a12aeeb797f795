/** The sections of the configuration that this application's integrations bring. */
import { application } from '../../application.js'

export const { sections: integrationsConfigSchema, template: integrationsTemplate } = application
